import protobuf from 'protobufjs';
import { fullName, walk } from './load-protos.ts';

/**
 * What the static module lacks: service tables that grpc-js takes as service definitions, and short names.
 * With `flatten` the members of that package are exported one by one; without it every `….services.X.v1` package
 * gets the alias X.
 */
export function printModuleTail(root: protobuf.Root, flatten: string | undefined): string {
  const lines = [METHOD_HELPER];
  if (flatten !== undefined) {
    const namespace = root.lookup(flatten);
    if (!(namespace instanceof protobuf.Namespace)) throw new Error(`no package ${flatten}`);
    for (const object of namespace.nestedArray) {
      if (object instanceof protobuf.Service) continue;
      lines.push(`export const ${object.name} = ${flatten}.${object.name};`);
    }
  } else {
    for (const [alias, target] of packageAliases(root)) lines.push(`export const ${alias} = ${target};`);
  }
  for (const service of servicesOf(root)) {
    lines.push(`export const ${serviceConst(service, flatten)} = {`);
    for (const method of service.methodsArray) {
      const path = `/${fullName(service)}/${method.name}`;
      const types = [method.resolvedRequestType, method.resolvedResponseType].map((type) => {
        if (type === null) throw new Error(`${path}: types are not resolved`);
        return fullName(type);
      });
      const streams = `${method.requestStream === true}, ${method.responseStream === true}`;
      lines.push(`  ${methodKey(method)}: $method('${path}', ${types.join(', ')}, ${streams}),`);
    }
    lines.push('};');
  }
  return `${lines.join('\n')}\n`;
}

export function servicesOf(root: protobuf.Root): readonly protobuf.Service[] {
  return [...walk(root)].filter((object) => object instanceof protobuf.Service);
}

/** `RunPodSandbox` → `runPodSandbox`, as grpc-js names handlers. */
export function methodKey(method: protobuf.Method): string {
  return method.name.charAt(0).toLowerCase() + method.name.slice(1);
}

/** The constant's name: the service's own when flat, else one that its package makes unique, e.g. tasksService. */
export function serviceConst(service: protobuf.Service, flatten: string | undefined): string {
  if (flatten !== undefined) return service.name;
  const parts = fullName(service).split('.').slice(1, -1);
  if (parts[0] === 'services') return `${parts[1] ?? ''}Service`;
  return `shim${(parts.at(-1) ?? '').toUpperCase()}Service`;
}

/** Short names for the packages that the code names often. */
export function packageAliases(root: protobuf.Root): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>(FIXED_ALIASES);
  for (const service of servicesOf(root)) {
    const name = fullName(service).split('.').slice(0, -1);
    if (name[1] === 'services' && name[2] !== undefined) aliases.set(name[2], name.join('.'));
  }
  for (const target of aliases.values()) {
    if (root.lookup(target) === null) throw new Error(`no package ${target}`);
  }
  return aliases;
}

const FIXED_ALIASES: readonly (readonly [string, string])[] = [
  ['types', 'containerd.types'],
  ['taskTypes', 'containerd.v1.types'],
  ['eventTypes', 'containerd.events'],
  ['transferTypes', 'containerd.types.transfer'],
  ['runc', 'containerd.runc.v1'],
  ['runtimeOptions', 'runtimeoptions.v1'],
  ['shimV2', 'containerd.task.v2'],
  ['shimV3', 'containerd.task.v3'],
];

/** grpc-js wants a Buffer from serializers; protobufjs gives one only where it found Node's. */
const METHOD_HELPER = `
const $buffer = (bytes) => (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
const $method = (path, requestType, responseType, requestStream, responseStream) => ({
  path,
  requestStream,
  responseStream,
  requestType,
  responseType,
  requestSerialize: (value) => $buffer(requestType.encode(value).finish()),
  requestDeserialize: (bytes) => requestType.decode(bytes),
  responseSerialize: (value) => $buffer(responseType.encode(value).finish()),
  responseDeserialize: (bytes) => responseType.decode(bytes),
});`;
