/**
 * Headers of a tar archive: ustar, and PAX where a ustar header cannot say it. The owner is root, the time the epoch.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */

export interface ArchiveMember {
  readonly type: 'file' | 'folder';
  /** Relative. */
  readonly path: string;
  /** Bytes of content that follow the header; 0 for a folder. */
  readonly size: number;
  /** A word for the header that nothing reads; 31 bytes at most. */
  readonly comment: string;
}

const BLOCK = 512;
const MAX_NAME = 100;
/** Eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1;
const MODES = { file: 0o644, folder: 0o755, pax: 0o644 } as const;
const FLAGS = { file: '0', folder: '5', pax: 'x' } as const;

/** Ends an archive. */
export const ARCHIVE_END: Buffer = Buffer.alloc(2 * BLOCK);

/** What stands before a member's content. */
export function memberHeader({ type, path, size, comment }: ArchiveMember): Buffer {
  const name = type === 'folder' ? `${path}/` : path;
  const isPlain = /^[\x20-\x7e]*$/.test(name) && name.length <= MAX_NAME;
  const records = [
    ...(isPlain ? [] : [record('path', name)]),
    ...(size > MAX_SIZE ? [record('size', String(size))] : []),
  ];
  const own = block(FLAGS[type], MODES[type], isPlain ? name : 'long', size > MAX_SIZE ? 0 : size, comment);
  if (records.length === 0) return own;
  const more = Buffer.concat(records);
  return Buffer.concat([block(FLAGS.pax, MODES.pax, 'pax', more.length, comment), more, padding(more.length), own]);
}

/** What follows a member's content of that many bytes. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** `LENGTH KEY=VALUE`, and the length counts itself. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function block(flag: string, mode: number, name: string, size: number, comment: string): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(name, 0, MAX_NAME);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(' '.repeat(8), 148);
  bytes.write(flag, 156);
  bytes.write('ustar\x0000', 257);
  bytes.write(comment, 265, 31);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
