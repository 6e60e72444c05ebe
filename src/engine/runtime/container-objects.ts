import { runc, runtimeOptions } from '../containerd/generated/containerd.js';
import { Options as RunhcsOptions } from '../containerd/generated/hcsshim/runhcs.js';
import type { containers as api, google } from '../containerd/generated/containerd.js';
import { OWNER_LABEL, ownerFilter } from '../containerd/owner-label.ts';
import { nanosOf } from '../containerd/timestamp.ts';
import { EngineError, isKind } from '../errors.ts';
import { parseExactJson, stringifyExactJson } from '../exact-json.ts';
import type { ShimOptions } from './shim-options.ts';
import type { ContainerObject, ContainerObjects, ListedObject } from './task-types.ts';

const NANOS_PER_MS = 1_000_000n;

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
const OPTIONS_TYPE_URL = {
  runc: 'containerd.runc.v1.Options',
  runhcs: 'containerd.runhcs.v1.Options',
  other: 'runtimeoptions.v1.Options',
} as const satisfies Record<ShimOptions['kind'], string>;

export class ContainerdObjects implements ContainerObjects {
  readonly #client: ContainersClient;
  readonly #root: string;

  /** `root`: davit's root folder, which tells its objects from another davit's. */
  constructor(client: ContainersClient, root: string) {
    this.#client = client;
    this.#root = root;
  }

  async create(object: ContainerObject, signal: AbortSignal): Promise<void> {
    const container: api.IContainer = {
      id: object.id,
      labels: { ...object.labels, [OWNER_LABEL]: this.#root },
      image: object.image,
      runtime: { name: object.runtimeType, options: encodeOptions(object.shimOptions) },
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

  async list(signal: AbortSignal): Promise<readonly ListedObject[]> {
    const { containers } = await this.#client.list({ filters: [ownerFilter(this.#root)] }, { signal });
    return containers.map(({ id, labels, image, createdAt }) => ({
      id,
      labels,
      image,
      createdAtMs: Number(nanosOf(createdAt) / NANOS_PER_MS),
    }));
  }
}

function encodeSpec(spec: unknown): google.protobuf.IAny {
  return { typeUrl: SPEC_TYPE_URL, value: Buffer.from(stringifyExactJson(spec)) };
}

/** No message where nothing is set: some shims take an empty one for a mistake. */
export function encodeOptions({ kind, fields }: ShimOptions): google.protobuf.IAny | null {
  if (Object.keys(fields).length === 0) return null;
  return { typeUrl: OPTIONS_TYPE_URL[kind], value: encodeFields(kind, fields) };
}

function encodeFields(kind: ShimOptions['kind'], fields: ShimOptions['fields']): Uint8Array {
  if (kind === 'runc') return runc.Options.encode(fields).finish();
  if (kind === 'runhcs') return RunhcsOptions.encode(fields).finish();
  const { configBody, ...others } = fields;
  const body = typeof configBody === 'string' ? { configBody: Buffer.from(configBody) } : {};
  return runtimeOptions.Options.encode({ ...others, ...body }).finish();
}
