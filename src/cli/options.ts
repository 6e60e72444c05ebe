import { UsageError } from './errors.ts';

type Value = string | boolean | readonly (string | boolean)[] | undefined;

/** The options of a command line by name, each read as the type that the command expects. */
export class Options {
  readonly #values: Readonly<Record<string, Value>>;

  constructor(values: Readonly<Record<string, Value>>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
  }

  /** A whole number that is not negative. */
  count(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new UsageError(`--${name} must be a whole number, got "${text}"`);
    }
    return value;
  }

  /** `--name key=value`, any number of times. */
  pairs(name: string): Readonly<Record<string, string>> {
    const pairs = this.list(name).map((text): readonly [string, string] => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new UsageError(`--${name} must be KEY=VALUE, got "${text}"`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    });
    return Object.fromEntries(pairs);
  }
}
