import { isIP, isIPv4 } from 'node:net';
import { isAbsolute } from 'node:path';
import { parseCpuList } from '../cpu-list.ts';
import { BadValue, type Kind } from './kind.ts';
import { isTable, typeName } from './toml-value.ts';
import { parseWildcard } from '../wildcard.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

/** A unix socket's path has this many bytes at most, and then the kernel truncates or refuses it. */
const SOCKET_PATH_BYTES = 107;

interface Range {
  readonly min: number;
  readonly max: number;
}

export function boolean(): Kind<boolean> {
  return {
    name: 'boolean',
    suffix: '',
    parse(raw) {
      if (typeof raw !== 'boolean') throw new BadValue(`must be true or false, got ${typeName(raw)}`);
      return raw;
    },
    fromFlag: (text) => (text === 'true' ? true : text === 'false' ? false : text),
    toRaw: (value) => value,
  };
}

export function integer(range: Range): Kind<number> {
  return {
    name: 'integer',
    suffix: '',
    parse(raw) {
      if (typeof raw !== 'number' || !Number.isSafeInteger(raw)) {
        throw new BadValue(`must be an integer, got ${typeName(raw)}`);
      }
      return within(raw, range, String);
    },
    fromFlag: (text) => (/^-?\d+$/.test(text) ? Number(text) : text),
    toRaw: (value) => value,
  };
}

/** Milliseconds, written with units: `1m30s`. */
export function duration(range: Range): Kind<number, 'Ms'> {
  return {
    ...plain(
      'duration',
      (text) => {
        const ms = parseDuration(text);
        if (ms === undefined) throw new BadValue(`must be a duration with units like "10s" or "1m30s", got "${text}"`);
        return within(ms, range, formatDuration);
      },
      'a string with units like "10s" or "1m30s"',
    ),
    suffix: 'Ms',
    toRaw: formatDuration,
  };
}

/** Bytes, written with units: `16KiB`. */
export function size(range: Range): Kind<number, 'Bytes'> {
  return {
    ...plain(
      'size',
      (text) => {
        const bytes = parseSize(text);
        if (bytes === undefined)
          throw new BadValue(`must be a size with its unit like "16KiB" or "1MiB", got "${text}"`);
        return within(bytes, range, formatSize);
      },
      'a string with its unit like "16KiB"',
    ),
    suffix: 'Bytes',
    toRaw: formatSize,
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return plain(values.join(' | '), (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new BadValue(`must be one of ${values.join(', ')}; got "${text}"`);
    return found;
  });
}

/** A string that `pattern` matches whole; `what` completes "must be …". */
export function text(name: string, pattern: RegExp, what: string): Kind<string> {
  return plain(name, (value) => {
    if (!pattern.test(value)) throw new BadValue(`must be ${what}, got "${value}"`);
    return value;
  });
}

/** A shell's pattern, as `src/wildcard.ts` reads them. */
export function wildcard(name: string): Kind<string> {
  return plain(name, (pattern) => {
    if (!/^\S+$/.test(pattern) || parseWildcard(pattern) === undefined)
      throw new BadValue(`must be a name or a pattern like io.example/*, got "${pattern}"`);
    return pattern;
  });
}

/** A table of strings under names of the operator's choice. */
export function textMap(name: Kind<string>): Kind<Readonly<Record<string, string>>> {
  return {
    name: `table of ${name.name}s`,
    suffix: '',
    parse(raw) {
      if (!isTable(raw)) throw new BadValue(`must be a table of strings, got ${typeName(raw)}`);
      const entries = Object.entries(raw).map(([key, value]): readonly [string, string] => {
        name.parse(key);
        if (typeof value !== 'string') throw new BadValue(`must hold strings; ${key} is ${typeName(value)}`);
        if (value.includes('\0')) throw new BadValue(`must hold strings; ${key} has a NUL in it`);
        return [key, value];
      });
      return Object.fromEntries(entries);
    },
    fromFlag: (value) => value,
    toRaw: (value) => value,
  };
}

/** A list of CPUs as the kernel writes it. */
export function cpuList(): Kind<string> {
  return plain('list of CPUs', (list) => {
    if (parseCpuList(list) === undefined) throw new BadValue(`must be a list of CPUs like 0-1,4, got "${list}"`);
    return list;
  });
}

export function absolutePath(): Kind<string> {
  return plain('path', checkPath);
}

/** A literal IPv4 or IPv6 address, without brackets. */
export function ipAddress(): Kind<string> {
  return plain('IP address', (address) => {
    if (isIP(address) === 0) throw new BadValue(`must be an IP address like 127.0.0.1 or ::1, got "${address}"`);
    return address;
  });
}

/** `unix:///path`. */
export function unixSocket(): Kind<string> {
  return plain('unix address', (address) => {
    if (!address.startsWith('unix://')) throw new BadValue(`must be unix:// and an absolute path, got "${address}"`);
    return `unix://${checkSocketPath(address.slice('unix://'.length))}`;
  });
}

/** `auto`, or as unixSocket(). */
export function unixSocketOrAuto(): Kind<string> {
  return plain('auto | unix address', (address) => {
    if (address === 'auto') return address;
    if (!address.startsWith('unix://')) {
      throw new BadValue(`must be auto, or unix:// and an absolute path, got "${address}"`);
    }
    return `unix://${checkSocketPath(address.slice('unix://'.length))}`;
  });
}

/** `auto`, or a socket's path with or without `unix://`; the value is `auto` or the path. */
export function socketPathOrAuto(): Kind<string> {
  return plain('auto | path', (address) =>
    address === 'auto' ? address : checkSocketPath(address.replace(/^unix:\/\//, '')),
  );
}

/** `host:port` with a literal address, `[::1]:9477` for IPv6, or '' for none. */
export function hostPortOrEmpty(): Kind<string> {
  return plain('address', (address) => {
    if (address === '') return address;
    const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address);
    const host = match?.[1] ?? match?.[2] ?? '';
    const bracketed = match?.[1] !== undefined;
    const version = isIP(host);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535 || version === 0 || bracketed !== (version === 6)) {
      throw new BadValue(`must be an IP address and a port like 127.0.0.1:9477 or [::1]:9477, got "${address}"`);
    }
    return address;
  });
}

/** An array of strings; one string is split at `separator` where there is one, else it is a list of one. */
export function listOf(item: Kind<string>, separator?: string): Kind<readonly string[]> {
  function split(value: string): readonly string[] {
    if (value === '') return [];
    return separator === undefined ? [value] : value.split(separator);
  }
  return {
    name: `list of ${item.name}`,
    suffix: '',
    parse(raw) {
      const items: unknown = typeof raw === 'string' ? split(raw) : raw;
      if (!Array.isArray(items)) throw new BadValue(`must be an array of strings, got ${typeName(raw)}`);
      const values = items.map((value: unknown) => item.parse(value));
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined) throw new BadValue(`names "${twice}" twice`);
      return values;
    },
    fromFlag: (value) => value,
    toRaw: (value) => value,
  };
}

/** One subnet of each IP family at most, at least one: what a bridge of a dual-stack node needs. */
export function subnets(): Kind<readonly string[]> {
  const list = listOf(plain('subnet', checkSubnet));
  return {
    ...list,
    parse(raw) {
      const values = list.parse(raw);
      const v4 = values.filter((value) => isIPv4(addressOf(value))).length;
      if (values.length === 0 || v4 > 1 || values.length - v4 > 1) {
        throw new BadValue('must hold one IPv4 subnet, one IPv6 subnet, or one of each');
      }
      return values;
    },
  };
}

function plain<T extends string | number>(name: string, read: (text: string) => T, what = 'a string'): Kind<T> {
  return {
    name,
    suffix: '',
    parse(raw) {
      if (typeof raw !== 'string') throw new BadValue(`must be ${what}, got ${typeName(raw)}`);
      if (raw.includes('\0')) throw new BadValue('must not hold a NUL character');
      return read(raw);
    },
    fromFlag: (value) => value,
    toRaw: (value) => value,
  };
}

function within(value: number, range: Range, format: (value: number) => string): number {
  if (value < range.min || value > range.max) {
    throw new BadValue(`must be from ${format(range.min)} to ${format(range.max)}, got ${format(value)}`);
  }
  return value;
}

function checkPath(path: string): string {
  if (!isAbsolute(path)) throw new BadValue(`must be an absolute path, got "${path}"`);
  if (path.split('/').includes('..')) throw new BadValue(`must not hold "..", got "${path}"`);
  return path === '/' ? path : path.replace(/\/+$/, '');
}

function checkSocketPath(path: string): string {
  const checked = checkPath(path);
  const bytes = Buffer.byteLength(checked);
  if (bytes > SOCKET_PATH_BYTES) {
    throw new BadValue(`is a socket path of ${bytes} bytes; the kernel takes ${SOCKET_PATH_BYTES} at most`);
  }
  return checked;
}

function checkSubnet(subnet: string): string {
  const address = addressOf(subnet);
  const version = isIP(address);
  const prefix = subnet.slice(address.length + 1);
  // A bridge needs an address of its own, and its pods one each; a v6 prefix beyond /120 is a slip too.
  const longest = version === 4 ? 29 : 120;
  if (version === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > longest || Number(prefix) < 8) {
    throw new BadValue(`must be an address and a prefix length of 8 to ${longest} like 10.77.0.0/16, got "${subnet}"`);
  }
  return subnet;
}

function addressOf(subnet: string): string {
  const slash = subnet.indexOf('/');
  return slash < 0 ? subnet : subnet.slice(0, slash);
}
