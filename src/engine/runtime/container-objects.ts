import { runc } from '../containerd/generated/containerd.js';
import type { containers as api, google } from '../containerd/generated/containerd.js';
import { EngineError, isKind } from '../errors.ts';
import { parseExactJson, stringifyExactJson } from '../exact-json.ts';
import type { ContainerObject, ContainerObjects, RuntimeOptions } from './task-types.ts';

interface CallOptions {
  readonly signal: AbortSignal;
}

/** The calls of containerd's container service that are used here. */
export interface ContainersClient {
  create(request: api.ICreateContainerRequest, options: CallOptions): Promise<api.CreateContainerResponse>;
  get(request: api.IGetContainerRequest, options: CallOptions): Promise<api.GetContainerResponse>;
  update(request: api.IUpdateContainerRequest, options: CallOptions): Promise<unknown>;
  delete(request: api.IDeleteContainerRequest, options: CallOptions): Promise<unknown>;
  list(request: api.IListContainersRequest, options: CallOptions): Promise<api.ListContainersResponse>;
}

/** The type URLs by which containerd and its shims know these payloads. */
const SPEC_TYPE_URL = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
const RUNC_OPTIONS_TYPE_URL = 'containerd.runc.v1.Options';

export class ContainerdObjects implements ContainerObjects {
  readonly #client: ContainersClient;

  constructor(client: ContainersClient) {
    this.#client = client;
  }

  async create(object: ContainerObject, signal: AbortSignal): Promise<void> {
    const container: api.IContainer = {
      id: object.id,
      labels: { ...object.labels },
      image: object.image,
      runtime: { name: object.runtimeType, options: encodeOptions(object.runtimeOptions) },
      spec: encodeSpec(object.spec),
      snapshotter: object.snapshotter,
      snapshotKey: object.snapshotKey,
    };
    await this.#client.create({ container }, { signal });
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.delete({ id }, { signal });
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
    }
  }

  async spec(id: string, signal: AbortSignal): Promise<unknown> {
    const { container } = await this.#client.get({ id }, { signal });
    const spec = container?.spec;
    if (spec === null || spec === undefined) throw new EngineError('internal', `containerd keeps no spec of ${id}`);
    return parseExactJson(Buffer.from(spec.value).toString('utf8'));
  }

  async updateSpec(id: string, spec: unknown, signal: AbortSignal): Promise<void> {
    await this.#client.update(
      { container: { id, spec: encodeSpec(spec) }, updateMask: { paths: ['spec'] } },
      { signal },
    );
  }

  async list(
    signal: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly labels: Record<string, string> }[]> {
    const { containers } = await this.#client.list({}, { signal });
    return containers.map((container) => ({ id: container.id, labels: container.labels }));
  }
}

function encodeSpec(spec: unknown): google.protobuf.IAny {
  return { typeUrl: SPEC_TYPE_URL, value: Buffer.from(stringifyExactJson(spec)) };
}

function encodeOptions(options: RuntimeOptions): google.protobuf.IAny | null {
  if (options.binaryName === undefined && options.systemdCgroup === undefined) return null;
  const value = runc.Options.encode({
    binaryName: options.binaryName ?? '',
    systemdCgroup: options.systemdCgroup ?? false,
  }).finish();
  return { typeUrl: RUNC_OPTIONS_TYPE_URL, value };
}
