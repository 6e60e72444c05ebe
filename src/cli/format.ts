import type Long from 'long';

const ID_CHARS = 13;

const AGES = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

const SIZES = [
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const;

/** As much of an id as people need; every command takes it in the place of the whole. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, ID_CHARS);
}

/** The time since `nanos` (since the epoch) in the two largest units: `45s`, `3m20s`, `5h12m`, `9d4h`. */
export function age(nanos: Long, nowMs: number): string {
  let seconds = Math.max(0, Math.floor(Math.round(nowMs - Number(nanos.toString()) / 1e6) / 1000));
  const parts: string[] = [];
  for (const [unit, size] of AGES) {
    const count = Math.floor(seconds / size);
    if (count === 0 && parts.length === 0) continue;
    parts.push(count === 0 ? '' : `${count}${unit}`);
    seconds -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join('') || '0s';
}

/** Bytes in decimal units with three digits, as image sizes are shown everywhere: `4.26MB`. */
export function byteSize(bytes: number): string {
  for (const [unit, size] of SIZES) if (bytes >= size) return `${Number((bytes / size).toPrecision(3))}${unit}`;
  return `${bytes}B`;
}

/** An image's name apart from its tag; a port in the host's name is no tag. */
export function splitTag(reference: string): readonly [name: string, tag: string] {
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1);
  return colon < 0 ? [reference, ''] : [reference.slice(0, colon), reference.slice(colon + 1)];
}
