/** CRI's `info` is a map of strings: each value as JSON, which crictl shows as the value itself. */
export function toInfo(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, toJson(value)]));
}

/** The field that inspecting tools look in, e.g. `crictl inspect -o go-template --template '{{.info.pid}}'`. */
export function toInspectInfo(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return { info: toJson(values) };
}

/** JSON has no big integers: they become strings. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
}
