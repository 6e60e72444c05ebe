/**
 * On which line each key of a TOML document stands: the parser keeps no positions, so the text is walked once more. The
 * parser has accepted it by then; this walk does not judge, it only finds its way.
 */
export class KeyLines {
  readonly #lines: ReadonlyMap<string, number>;

  /** `text` must be valid TOML. */
  constructor(text: string) {
    this.#lines = new Walk(text).run();
  }

  /** The line of a key, or of the nearest table around it; undefined for what the document does not hold. */
  find(path: readonly string[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(joined(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  }
}

/** One pass over a document: headers, keys, and values only as far as their end must be found. */
class Walk {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  run(): ReadonlyMap<string, number> {
    let header: readonly string[] = [];
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return this.#lines;
      if (this.#peek() === '[') {
        const line = this.#line;
        while (this.#peek() === '[') this.#step();
        header = this.#key(']');
        while (this.#peek() === ']') this.#step();
        this.#note(header, line);
      } else {
        this.#pair(header);
      }
    }
  }

  #pair(parent: readonly string[]): void {
    const line = this.#line;
    const path = [...parent, ...this.#key('=')];
    this.#step();
    this.#note(path, line);
    this.#value(path);
  }

  /** Reads a dotted key and stops at `end`. */
  #key(end: string): readonly string[] {
    const parts: string[] = [];
    let bare = '';
    while (this.#at < this.#text.length && this.#peek() !== end) {
      const char = this.#peek();
      if (char === '"' || char === "'") {
        parts.push(this.#string());
      } else if (char === '.' || char === ' ' || char === '\t') {
        if (bare !== '') parts.push(bare);
        bare = '';
        this.#step();
      } else {
        bare += char;
        this.#step();
      }
    }
    if (bare !== '') parts.push(bare);
    return parts;
  }

  #value(path: readonly string[]): void {
    this.#skipBlank();
    const char = this.#peek();
    if (char === '"' || char === "'") this.#string();
    else if (char === '[') this.#sequence(']', () => this.#value(path));
    else if (char === '{') this.#sequence('}', () => this.#pair(path));
    else while (this.#at < this.#text.length && !/[,\]}\n#]/.test(this.#peek())) this.#step();
  }

  #sequence(end: string, item: () => void): void {
    this.#step();
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return;
      const char = this.#peek();
      if (char === end || char === ',') this.#step();
      else item();
      if (char === end) return;
    }
  }

  /** Reads any of the four kinds of string; escapes are resolved as far as keys need them. */
  #string(): string {
    const quote = this.#peek();
    const triple = this.#text.startsWith(quote.repeat(3), this.#at);
    const fence = triple ? quote.repeat(3) : quote;
    for (const _ of fence) this.#step();
    let raw = '';
    while (this.#at < this.#text.length && !this.#text.startsWith(fence, this.#at)) {
      if (quote === '"' && this.#peek() === '\\') raw += this.#step();
      raw += this.#step();
    }
    for (const _ of fence) this.#step();
    // A multi-line string may end in up to two quotes of its own right before the fence.
    if (triple) while (this.#peek() === quote) raw += this.#step();
    return quote === '"' ? unescape(raw) : raw;
  }

  #skipBlank(): void {
    while (this.#at < this.#text.length) {
      const char = this.#peek();
      if (char === '#') while (this.#at < this.#text.length && this.#peek() !== '\n') this.#step();
      else if (/[\s\uFEFF]/.test(char)) this.#step();
      else return;
    }
  }

  #note(path: readonly string[], line: number): void {
    for (let length = 1; length <= path.length; length++) {
      const name = joined(path.slice(0, length));
      if (!this.#lines.has(name)) this.#lines.set(name, line);
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #step(): string {
    const char = this.#peek();
    if (char === '\n') this.#line++;
    this.#at++;
    return char;
  }
}

function joined(path: readonly string[]): string {
  return JSON.stringify(path);
}

function unescape(raw: string): string {
  const short: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b' };
  return raw.replace(/\\(?:u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|x([\dA-Fa-f]{2})|(.))/gs, (_, u, long, hex, char) => {
    const code: unknown = u ?? long ?? hex;
    if (typeof code === 'string') return String.fromCodePoint(Number.parseInt(code, 16));
    return typeof char === 'string' ? (short[char] ?? char) : '';
  });
}
