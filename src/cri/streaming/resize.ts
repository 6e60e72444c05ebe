import type { Readable } from 'node:stream';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Of one size; a longer text is none. */
const MAX_TEXT = 256;
/** The kernel keeps a terminal's sizes in 16 bits. */
const MAX_SIDE = 65_535;

/** The sizes that come in a stream of JSON objects, `{"Width":80,"Height":24}`. What is none is passed over. */
export async function* terminalSizes(stream: Readable): AsyncGenerator<TerminalSize> {
  let text = '';
  for await (const chunk of stream) {
    text += (chunk as Buffer).toString('latin1');
    const pieces = text.split('}');
    text = (pieces.pop() ?? '').slice(-MAX_TEXT);
    for (const piece of pieces) {
      const size = parseSize(`${piece}}`);
      if (size !== undefined) yield size;
    }
  }
}

function parseSize(json: string): TerminalSize | undefined {
  const value = parseJson(json);
  if (typeof value !== 'object' || value === null) return undefined;
  const { Width: width, Height: height } = value as { readonly Width?: unknown; readonly Height?: unknown };
  return isSide(width) && isSide(height) ? { width, height } : undefined;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= MAX_SIDE;
}
