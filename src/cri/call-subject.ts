import type { Engine } from '../engine/index.ts';
import type { CallSubject } from '../rpc/index.ts';

export type SubjectVerbs = Pick<Engine, 'getSandbox' | 'getContainer'>;

/**
 * What calls are about, for their log lines. Where a request has an id alone, the engine knows the names: whoever reads
 * the log looks for a pod's.
 */
export function describeCalls(engine: SubjectVerbs) {
  return (request: object | undefined, reply: object | undefined): CallSubject => {
    const subject = subjectOf(request, reply);
    return { ...namesOf(engine, subject), ...subject };
  };
}

function namesOf(engine: SubjectVerbs, { pod, sandbox, container }: CallSubject): CallSubject {
  if (pod !== undefined || (sandbox === undefined && container === undefined)) return {};
  try {
    const found = container === undefined ? undefined : engine.getContainer(container);
    const { namespace, name } = engine.getSandbox(found?.sandboxId ?? sandbox ?? '').spec.metadata;
    return { pod: `${namespace}/${name}`, ...(found === undefined ? {} : { name: found.spec.metadata.name }) };
  } catch {
    return {}; // an id that nobody has: the call itself says so, where that is an error
  }
}

/** Read from fields that are known by name; whatever else a request holds stays out. */
function subjectOf(request: object | undefined, reply: object | undefined): CallSubject {
  const subject: Record<string, string> = {};
  put(subject, 'pod', podName(request));
  put(subject, 'sandbox', text(request, 'podSandboxId') ?? text(reply, 'podSandboxId'));
  put(subject, 'name', text(message(message(request, 'config'), 'metadata'), 'name'));
  put(subject, 'container', text(request, 'containerId') ?? text(reply, 'containerId'));
  put(subject, 'image', imageName(request));
  put(subject, 'imageId', text(reply, 'imageRef'));
  return subject;
}

/** `namespace/name`, of the sandbox's own configuration or of the copy that comes along. */
function podName(request: object | undefined): string | undefined {
  for (const field of ['config', 'sandboxConfig']) {
    const metadata = message(message(request, field), 'metadata');
    const namespace = text(metadata, 'namespace');
    if (namespace !== undefined) return `${namespace}/${text(metadata, 'name') ?? ''}`;
  }
  return undefined;
}

function imageName(request: object | undefined): string | undefined {
  return text(message(request, 'image'), 'image') ?? text(message(message(request, 'config'), 'image'), 'image');
}

function put(subject: Record<string, string>, key: string, value: string | undefined): void {
  if (value !== undefined) subject[key] = value;
}

function field(of: object | undefined, name: string): unknown {
  return of === undefined ? undefined : (of as Readonly<Record<string, unknown>>)[name];
}

function text(of: object | undefined, name: string): string | undefined {
  const value = field(of, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function message(of: object | undefined, name: string): object | undefined {
  const value = field(of, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}
