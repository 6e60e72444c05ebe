import protobuf from 'protobufjs';
import { fullName } from './load-protos.ts';
import { methodKey, packageAliases, serviceConst, servicesOf } from './print-module.ts';

/**
 * The .d.ts of a static module. A message X becomes the class X (what decode returns: every field is there, absent
 * messages are null) and the interface IX (what encode takes: every field may be left out).
 */
export function printTypes(root: protobuf.Root, flatten: string | undefined): string {
  const nameOf = (object: protobuf.ReflectionObject, prefix = ''): string => {
    const parts = fullName(object).split('.');
    const own = `${prefix}${parts.at(-1) ?? ''}`;
    const full = [...parts.slice(0, -1), own].join('.');
    return flatten !== undefined && full.startsWith(`${flatten}.`) ? full.slice(flatten.length + 1) : full;
  };
  const lines = [HEADER];
  if (flatten === undefined) {
    for (const child of root.nestedArray) lines.push(...printObject(child, nameOf, 'export '));
    for (const [alias, target] of packageAliases(root)) lines.push(`export import ${alias} = ${target};`);
  } else {
    const namespace = root.lookup(flatten);
    if (!(namespace instanceof protobuf.Namespace)) throw new Error(`no package ${flatten}`);
    for (const child of namespace.nestedArray) lines.push(...printObject(child, nameOf, 'export '));
  }
  for (const service of servicesOf(root)) lines.push(...printService(service, nameOf, flatten));
  return `${lines.join('\n')}\n`;
}

type NameOf = (object: protobuf.ReflectionObject, prefix?: string) => string;

function printObject(object: protobuf.ReflectionObject, nameOf: NameOf, modifier: string): string[] {
  if (object instanceof protobuf.Type) return printMessage(object, nameOf, modifier);
  if (object instanceof protobuf.Enum) return printEnum(object, modifier);
  if (object instanceof protobuf.Service) return [];
  if (!(object instanceof protobuf.Namespace)) return [];
  const body = object.nestedArray.flatMap((child) => printObject(child, nameOf, ''));
  return body.length === 0 ? [] : [`${modifier}namespace ${object.name} {`, ...body.map(indent), '}'];
}

function printMessage(type: protobuf.Type, nameOf: NameOf, modifier: string): string[] {
  const self = nameOf(type);
  const partial = nameOf(type, 'I');
  const lines = [
    ...doc(type.comment),
    `${modifier}interface I${type.name} {`,
    ...type.fieldsArray.map((field) => `  ${nameInCode(field)}?: ${inputType(field, nameOf)} | null | undefined;`),
    '}',
    ...doc(type.comment),
    `${modifier}class ${type.name} {`,
    '  private constructor();',
    ...type.fieldsArray.flatMap((field) => [
      ...doc(field.comment).map(indent),
      `  ${nameInCode(field)}: ${outputType(field, nameOf)};`,
    ]),
    `  static create(properties?: Partial<${self}>): ${self};`,
    `  static encode(message: ${partial}, writer?: $Writer): $Writer;`,
    `  static decode(bytes: $Reader | Uint8Array, length?: number): ${self};`,
    '}',
  ];
  const nested = type.nestedArray.flatMap((child) => printObject(child, nameOf, ''));
  if (nested.length > 0) lines.push(`${modifier}namespace ${type.name} {`, ...nested.map(indent), '}');
  return lines;
}

/** In camelCase like all others: protobufjs brings google.protobuf.Any with the field type_url. */
function nameInCode(field: protobuf.Field): string {
  return protobuf.util.camelCase(field.name);
}

function printEnum(object: protobuf.Enum, modifier: string): string[] {
  const values = Object.entries(object.values).flatMap(([name, value]) => [
    ...doc(object.comments[name] ?? null).map(indent),
    `  ${name} = ${value},`,
  ]);
  return [...doc(object.comment), `${modifier}enum ${object.name} {`, ...values, '}'];
}

function printService(service: protobuf.Service, nameOf: NameOf, flatten: string | undefined): string[] {
  const methods = service.methodsArray.flatMap((method) => {
    const request = resolved(method.resolvedRequestType, method);
    const response = resolved(method.resolvedResponseType, method);
    const args = [nameOf(request, 'I'), nameOf(request), nameOf(response, 'I'), nameOf(response)];
    const streams = [method.requestStream === true, method.responseStream === true];
    return [
      ...doc(method.comment).map(indent),
      `  readonly ${methodKey(method)}: $Method<${[...args, ...streams].join(', ')}>;`,
    ];
  });
  return [...doc(service.comment), `export const ${serviceConst(service, flatten)}: {`, ...methods, '};'];
}

function resolved(type: protobuf.Type | null, method: protobuf.Method): protobuf.Type {
  if (type === null) throw new Error(`${fullName(method)}: types are not resolved`);
  return type;
}

function outputType(field: protobuf.Field, nameOf: NameOf): string {
  const item = itemType(field, nameOf, '');
  if (field instanceof protobuf.MapField) return `{ [key: string]: ${item} }`;
  if (field.repeated) return `${item}[]`;
  return field.resolvedType instanceof protobuf.Type || field.partOf !== null ? `${item} | null` : item;
}

function inputType(field: protobuf.Field, nameOf: NameOf): string {
  const type = itemType(field, nameOf, 'I');
  const item = type === '$Long' ? '$Long | number' : type;
  if (field instanceof protobuf.MapField) return `{ readonly [key: string]: ${item} }`;
  return field.repeated ? `readonly ${item.includes(' ') ? `(${item})` : item}[]` : item;
}

function itemType(field: protobuf.Field, nameOf: NameOf, messagePrefix: string): string {
  if (field.resolvedType instanceof protobuf.Type) return nameOf(field.resolvedType, messagePrefix);
  if (field.resolvedType instanceof protobuf.Enum) return nameOf(field.resolvedType);
  if (field.type === 'bytes') return 'Uint8Array';
  if (field.type === 'string') return 'string';
  if (field.type === 'bool') return 'boolean';
  return field.type.endsWith('64') ? '$Long' : 'number';
}

/** Comments of types that protobufjs brings along are undefined rather than null. */
function doc(comment: string | null | undefined): string[] {
  return typeof comment !== 'string' ? [] : [`/** ${comment.replace(/\s+/g, ' ').replaceAll('*/', '* /')} */`];
}

function indent(line: string): string {
  return `  ${line}`;
}

const HEADER = `import type $Long from 'long';
import type { Reader as $Reader, Writer as $Writer } from 'protobufjs/minimal.js';

/** A message's code: encode takes the loose form \`I\`, decode gives the full form \`M\`. */
export interface $MessageType<I, M> {
  create(properties?: Partial<M>): M;
  encode(message: I, writer?: $Writer): $Writer;
  decode(bytes: $Reader | Uint8Array, length?: number): M;
}

/** A method as grpc-js wants it: usable in a service definition of a server and by a client. */
export interface $Method<IReq, Req, IRes, Res, ReqStream extends boolean, ResStream extends boolean> {
  readonly path: string;
  readonly requestStream: ReqStream;
  readonly responseStream: ResStream;
  readonly requestType: $MessageType<IReq, Req>;
  readonly responseType: $MessageType<IRes, Res>;
  readonly requestSerialize: (value: IReq) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Req;
  readonly responseSerialize: (value: IRes) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Res;
}
`;
