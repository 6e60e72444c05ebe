import protobuf from 'protobufjs';
import { fullName, walk } from './load-protos.ts';

export type Kind = 'message' | 'field' | 'enum' | 'value' | 'service' | 'method';

/** One thing that two parties must agree upon. */
export interface Fact {
  readonly kind: Kind;
  /** Full name of the message, enum or service that it belongs to. */
  readonly owner: string;
  /** Full name of the thing itself. */
  readonly name: string;
  /** Everything that must be equal, written out. */
  readonly text: string;
}

/** All facts below a package, by name. */
export function factsOf(root: protobuf.Root, packageName: string): ReadonlyMap<string, Fact> {
  const namespace = root.lookup(packageName);
  if (!(namespace instanceof protobuf.Namespace)) throw new Error(`no package ${packageName}`);
  const facts = [...walk(namespace)].flatMap((object) => factsOfObject(object));
  return new Map(facts.map((fact) => [fact.name, fact]));
}

/**
 * What differs, a line each. `everything`: each side must have what the other has. `what ours has`: messages, enums
 * and services that only they have are left alone, but those that ours has must be whole.
 */
export function compareFacts(
  ours: ReadonlyMap<string, Fact>,
  theirs: ReadonlyMap<string, Fact>,
  scope: 'everything' | 'what ours has',
): readonly string[] {
  const differences: string[] = [];
  for (const fact of ours.values()) {
    const their = theirs.get(fact.name);
    if (their === undefined) differences.push(`${fact.kind} ${fact.name}: ours has it, theirs has not: ${fact.text}`);
    else if (their.text !== fact.text) {
      differences.push(`${fact.kind} ${fact.name}: ours is "${fact.text}", theirs is "${their.text}"`);
    }
  }
  for (const fact of theirs.values()) {
    if (ours.has(fact.name) || (scope === 'what ours has' && !ours.has(fact.owner))) continue;
    differences.push(`${fact.kind} ${fact.name}: theirs has it, ours has not: ${fact.text}`);
  }
  return differences;
}

/** `3 messages, 10 fields, …` */
export function countKinds(facts: ReadonlyMap<string, Fact>): string {
  const counts = new Map<Kind, number>();
  for (const fact of facts.values()) counts.set(fact.kind, (counts.get(fact.kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}s`).join(', ');
}

function factsOfObject(object: protobuf.ReflectionObject): readonly Fact[] {
  if (object instanceof protobuf.Type) return factsOfMessage(object);
  if (object instanceof protobuf.Enum) return factsOfEnum(object);
  return object instanceof protobuf.Service ? factsOfService(object) : [];
}

function factsOfMessage(type: protobuf.Type): readonly Fact[] {
  const name = fullName(type);
  const reserved = (type.reserved ?? []).map((range) => JSON.stringify(range)).sort();
  return [
    { kind: 'message', owner: name, name, text: `message, reserved [${reserved.join(' ')}]` },
    ...type.fieldsArray.map((field): Fact => ({
      kind: 'field',
      owner: name,
      name: fullName(field),
      text: fieldText(field),
    })),
  ];
}

function fieldText(field: protobuf.Field): string {
  const type = field.resolvedType === null ? field.type : fullName(field.resolvedType);
  const map = field instanceof protobuf.MapField ? `map<${field.keyType}> ` : '';
  const label = field.repeated ? 'repeated ' : '';
  const oneof = field.partOf === null ? '' : `oneof ${field.partOf.name} `;
  const flags = FLAGS.filter((flag) => field.options?.[flag] === true).map((flag) => ` [${flag}]`);
  return `${oneof}${label}${map}${type} = ${field.id}${flags.join('')}`;
}

const FLAGS = ['deprecated', 'debug_redact'];

function factsOfEnum(object: protobuf.Enum): readonly Fact[] {
  const name = fullName(object);
  return [
    { kind: 'enum', owner: name, name, text: 'enum' },
    ...Object.entries(object.values).map(([value, number]): Fact => ({
      kind: 'value',
      owner: name,
      name: `${name}.${value}`,
      text: `= ${number}`,
    })),
  ];
}

function factsOfService(service: protobuf.Service): readonly Fact[] {
  const name = fullName(service);
  return [
    { kind: 'service', owner: name, name, text: 'service' },
    ...service.methodsArray.map((method): Fact => ({
      kind: 'method',
      owner: name,
      name: fullName(method),
      text: methodText(method),
    })),
  ];
}

function methodText(method: protobuf.Method): string {
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (request === null || response === null) throw new Error(`${fullName(method)}: types are not resolved`);
  const input = `${streamWord(method.requestStream)}${fullName(request)}`;
  return `(${input}) returns (${streamWord(method.responseStream)}${fullName(response)})`;
}

function streamWord(streams: boolean | undefined): string {
  return streams === true ? 'stream ' : '';
}
