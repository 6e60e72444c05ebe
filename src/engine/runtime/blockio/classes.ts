import { parse } from 'yaml';
import { EngineError, messageOf } from '../../errors.ts';
import { parseQuantity } from '../../quantity.ts';

/** What a class says of some devices, or, without any, of all: then it is a weight alone. */
export interface BlockioRule {
  /** Paths, or patterns of a shell, of block devices. */
  readonly devices?: readonly string[];
  /** Of an I/O scheduler that has weights, from 10 to 1000. */
  readonly weight?: number;
  /** At most this much in a second; 0 for no limit. */
  readonly limits: Readonly<Partial<Record<BlockioLimit, number>>>;
}

/** In bytes, and in operations. */
export type BlockioLimit = 'readBps' | 'writeBps' | 'readIops' | 'writeIops';

/** Rules by class; of two for one device the later counts. */
export type BlockioClasses = ReadonlyMap<string, readonly BlockioRule[]>;

const MIN_WEIGHT = 10;
const MAX_WEIGHT = 1000;
/** Keys are written in any case; these are theirs in lower case. */
const LIMITS: Readonly<Record<string, BlockioLimit>> = {
  throttlereadbps: 'readBps',
  throttlewritebps: 'writeBps',
  throttlereadiops: 'readIops',
  throttlewriteiops: 'writeIops',
};

/**
 * Classes of disk I/O as goresctrl has them, in YAML or JSON. Throws failed-precondition that names the file and the place
 * of what is wrong in it; no key is passed over.
 */
export function parseBlockioClasses(text: string, path: string): BlockioClasses {
  const document = yaml(text, path);
  const top = fieldsOf(document, path);
  const unknown = Object.keys(top).find((key) => key.toLowerCase() !== 'classes');
  if (unknown !== undefined) throw bad(path, `${unknown} is no key; there is Classes`);
  const [classes] = Object.values(top);
  const entries = Object.entries(fieldsOf(classes ?? {}, `${path}: Classes`));
  return new Map(entries.map(([name, rules]) => [name, rulesOf(rules, `${path}: Classes.${name}`)]));
}

function yaml(text: string, path: string): unknown {
  try {
    return (parse(text) as unknown) ?? {};
  } catch (error) {
    throw bad(path, `is not YAML: ${messageOf(error)}`);
  }
}

function rulesOf(rules: unknown, where: string): readonly BlockioRule[] {
  if (!Array.isArray(rules)) throw bad(where, 'must be a list');
  return rules.map((rule: unknown, index) => ruleOf(rule, `${where}[${index}]`));
}

function ruleOf(rule: unknown, where: string): BlockioRule {
  const limits: Partial<Record<BlockioLimit, number>> = {};
  let devices: readonly string[] | undefined;
  let weight: number | undefined;
  for (const [key, value] of Object.entries(fieldsOf(rule, where))) {
    const place = `${where}.${key}`;
    const limit = Object.hasOwn(LIMITS, key.toLowerCase()) ? LIMITS[key.toLowerCase()] : undefined;
    if (key.toLowerCase() === 'devices') devices = devicesOf(value, place);
    else if (key.toLowerCase() === 'weight') weight = numberOf(value, place, MIN_WEIGHT, MAX_WEIGHT);
    else if (limit !== undefined) limits[limit] = numberOf(value, place, 0, Number.MAX_SAFE_INTEGER);
    else throw bad(place, 'is no key; there are Devices, Weight, Throttle{Read,Write}{Bps,IOPS}');
  }
  if (devices === undefined && Object.keys(limits).length > 0)
    throw bad(where, 'throttles without Devices; only a Weight is for all devices');
  return { ...(devices === undefined ? {} : { devices }), ...(weight === undefined ? {} : { weight }), limits };
}

function devicesOf(value: unknown, where: string): readonly string[] {
  const paths: readonly unknown[] = Array.isArray(value) ? value : [value];
  return paths.map((path) => {
    if (typeof path === 'string' && /^\/dev\/[^\0]+$/.test(path) && !path.split('/').includes('..')) return path;
    throw bad(where, `must be paths below /dev, got ${JSON.stringify(path)}`);
  });
}

/** A number, or a quantity of Kubernetes' such as 10M. */
function numberOf(value: unknown, where: string, min: number, max: number): number {
  const quantity = typeof value === 'string' ? parseQuantity(value.trim()) : value;
  const number = typeof quantity === 'number' ? Math.ceil(quantity) : NaN;
  if (number >= min && number <= max) return number;
  throw bad(where, `must be from ${min} to ${max}, got ${JSON.stringify(value)}`);
}

function fieldsOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw bad(where, 'must hold keys with values');
}

function bad(where: string, problem: string): EngineError {
  return new EngineError('failed-precondition', `${where}: ${problem}`);
}
