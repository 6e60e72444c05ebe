/** More than any kernel is built for. */
const MAX_CPU = 8191;
const RANGE = /^(\d{1,4})(?:-(\d{1,4}))?$/;

/** The CPUs of a list as the kernel writes it, `0-3,8`, in ascending order, none twice; undefined for what is no list. */
export function parseCpuList(text: string): readonly number[] | undefined {
  const cpus = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = RANGE.exec(part);
    const first = Number(match?.[1]);
    const last = match?.[2] === undefined ? first : Number(match[2]);
    if (match === null || last < first || last > MAX_CPU) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].toSorted((a, b) => a - b);
}
