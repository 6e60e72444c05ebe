/** What a call is about, for its log line: names and ids, never anything that could be a secret. */
export type CallSubject = Readonly<Record<string, string>>;

/** Read from fields that are known by name; whatever else a request holds stays out. */
export function subjectOf(request: object | undefined, reply: object | undefined): CallSubject {
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
