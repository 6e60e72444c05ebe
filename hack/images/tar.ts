import { Buffer } from 'node:buffer';

/** One member of a layer. `path` has no leading slash; a directory's has no trailing one. */
export type Entry =
  | { readonly type: 'dir'; readonly path: string; readonly mode: number }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'fifo'; readonly path: string; readonly mode: number }
  /** `target` is the path of a file that came before. */
  | { readonly type: 'hardlink'; readonly path: string; readonly target: string };

/** The sizes of a ustar archive, in bytes. */
const BLOCK = 512;
const NAME_LIMIT = 100;
const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', dir: '5', fifo: '6' } as const;

/** A ustar archive, equal bytes for equal entries: owner root, times at the epoch, order as given. */
export function tar(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? entry.content : Buffer.alloc(0);
    return [header(entry, content.length), content, Buffer.alloc(padding(content.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: Entry, size: number): Buffer {
  const name = entry.type === 'dir' ? `${entry.path}/` : entry.path;
  const target = 'target' in entry ? entry.target : '';
  if (name.length > NAME_LIMIT || target.length > NAME_LIMIT) throw new Error(`too long for a ustar header: ${name}`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal('mode' in entry ? entry.mode : 0o777, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(TYPE_FLAGS[entry.type], 156);
  block.write(target, 157);
  block.write('ustar\x0000', 257);
  block.write('root', 265);
  block.write('root', 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
