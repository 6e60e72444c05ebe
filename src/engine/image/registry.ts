import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { EngineError, isKind, kindOf, messageOf } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import { loadHosts } from './hosts.ts';
import type { HostsDeps } from './hosts.ts';
import { discard, readBody, showUrl } from './http.ts';
import type { HttpResponse } from './http.ts';
import { INDEX_TYPES, isManifestType, MANIFEST_TYPES, MAX_DOCUMENT_BYTES, mediaTypeOf } from './manifest.ts';
import type { Descriptor } from './manifest.ts';
import type { Reference } from './reference.ts';
import { RepositoryAtHost, statusError } from './registry-host.ts';
import type { RegistryHostDeps } from './registry-host.ts';

export interface RegistryDeps extends HostsDeps, RegistryHostDeps {}

/** What a reference leads to at this moment. */
export interface Resolved {
  readonly descriptor: Descriptor;
  /** The document itself, where it had to be read to learn its digest; verified. */
  readonly bytes?: Buffer;
}

export interface BlobStream {
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
  /** Where in the blob the body begins: what was asked for, or 0 when the host sends the whole of it. */
  readonly offset: number;
  /** For messages. */
  readonly from: string;
  /** Says that this host broke off: it is asked last from now on. */
  readonly failed: () => void;
}

const MANIFEST_ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES, '*/*;q=0.1'].join(', ');

/** Opens the way to one repository through the hosts that are configured for it now. Close it after use. */
export async function openRegistry(
  reference: Reference,
  credentials: Credentials | undefined,
  deps: RegistryDeps,
): Promise<Registry> {
  const hosts = await loadHosts(reference.domain, deps);
  return new Registry(
    reference,
    hosts.map((host) => new RepositoryAtHost(host, reference, credentials, deps)),
  );
}

/**
 * One repository at all hosts that may serve it, asked in order until one answers well. The error of a request that no
 * host could serve names each host with its reason; it has the reason RegistryUnavailable when none could be reached.
 */
export class Registry {
  readonly #reference: Reference;
  readonly #hosts: readonly RepositoryAtHost[];
  readonly #last = new Set<RepositoryAtHost>();

  constructor(reference: Reference, hosts: readonly RepositoryAtHost[]) {
    this.#reference = reference;
    this.#hosts = hosts;
  }

  /** Asks what the reference leads to: always a question to the registry, so that it can refuse. */
  resolve(signal: AbortSignal): Promise<Resolved> {
    const { tag, digest, canonical } = this.#reference;
    const name = digest ?? tag ?? '';
    return this.#ask(`resolve ${canonical}`, 'resolve', signal, async (host) => {
      const head = await host.send(
        { method: 'HEAD', path: `manifests/${name}`, headers: { accept: MANIFEST_ACCEPT } },
        signal,
      );
      await discard(head);
      if (head.status === 200) {
        const descriptor = describeHead(head, digest);
        if (descriptor !== undefined) return { descriptor };
      } else if (head.status !== 405 && head.status !== 501) throw await statusError(head);
      return getManifest(host, name, digest, signal);
    });
  }

  /** Reads a manifest, index or config of at most MAX_DOCUMENT_BYTES. Throws data-loss when its digest does not match. */
  fetchDocument(kind: 'manifests' | 'blobs', descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    const { digest, size, mediaType } = descriptor;
    if (size > MAX_DOCUMENT_BYTES) {
      return Promise.reject(
        new EngineError(
          'failed-precondition',
          `${digest} is ${size} bytes: more than the ${MAX_DOCUMENT_BYTES} that a manifest or config may have`,
        ),
      );
    }
    return this.#ask(`fetch ${digest}`, 'pull', signal, async (host) => {
      const response = await host.send(
        { method: 'GET', path: `${kind}/${digest}`, headers: { accept: `${mediaType}, */*` } },
        signal,
      );
      if (response.status !== 200) throw await statusError(response);
      const bytes = await readBody(response, MAX_DOCUMENT_BYTES);
      checkDigest(bytes, digest, response.url);
      return bytes;
    });
  }

  /** Opens a blob from `offset` on. */
  openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const { digest } = descriptor;
    return this.#ask(`fetch ${digest}`, 'pull', signal, async (host) => {
      const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
      let response = await host.send({ method: 'GET', path: `blobs/${digest}`, headers: range }, signal);
      if (response.status === 416) {
        await discard(response);
        response = await host.send({ method: 'GET', path: `blobs/${digest}`, headers: {} }, signal);
      }
      if (response.status !== 200 && response.status !== 206) throw await statusError(response);
      const start = await checkRange(response, descriptor, offset);
      return { body: response.body, offset: start, from: showUrl(response.url), failed: () => this.#last.add(host) };
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
  }

  async #ask<T>(
    doing: string,
    capability: 'pull' | 'resolve',
    signal: AbortSignal,
    question: (host: RepositoryAtHost) => Promise<T>,
  ): Promise<T> {
    const failures: unknown[] = [];
    const able = this.#hosts.filter(({ host }) => host[capability]);
    const inOrder = [...able.filter((host) => !this.#last.has(host)), ...able.filter((host) => this.#last.has(host))];
    for (const host of inOrder) {
      signal.throwIfAborted();
      try {
        return await question(host);
      } catch (error) {
        signal.throwIfAborted();
        // A host that is away would cost each blob its dial timeout.
        if (error instanceof EngineError && error.reason === 'RegistryUnavailable') this.#last.add(host);
        failures.push(error);
      }
    }
    throw allFailed(doing, this.#reference.domain, failures);
  }
}

/** Decides what many failures mean together: a refusal outranks an absence, and "not found" needs all to say so. */
function allFailed(doing: string, domain: string, failures: readonly unknown[]): EngineError {
  if (failures.length === 0) {
    return new EngineError(
      'failed-precondition',
      `${doing}: no host of ${domain} may be asked: see "capabilities" in its hosts.toml`,
    );
  }
  const kinds = failures.map(kindOf);
  const refusal = kinds.findLast((kind) => kind === 'unauthenticated' || kind === 'permission-denied');
  const kind: ErrorKind = refusal ?? kinds.findLast((one) => one !== 'not-found') ?? 'not-found';
  const away = failures.every((error) => error instanceof EngineError && error.reason === 'RegistryUnavailable');
  return new EngineError(kind, `${doing}: ${failures.map(messageOf).join('; ')}`, {
    cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
    ...(away ? { reason: 'RegistryUnavailable' } : {}),
  });
}

/** The descriptor that a HEAD's headers make, if they say enough. */
function describeHead(head: HttpResponse, wanted: string | undefined): Descriptor | undefined {
  const said = head.headers['docker-content-digest'];
  const digest = wanted ?? (typeof said === 'string' ? said : '');
  const mediaType = head.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const size = Number(head.headers['content-length'] ?? Number.NaN);
  if (!/^sha256:[0-9a-f]{64}$/.test(digest) || !isManifestType(mediaType)) return undefined;
  if (!Number.isSafeInteger(size) || size <= 0) return undefined;
  return { mediaType, digest, size };
}

async function getManifest(
  host: RepositoryAtHost,
  name: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Resolved> {
  const response = await host.send(
    { method: 'GET', path: `manifests/${name}`, headers: { accept: MANIFEST_ACCEPT } },
    signal,
  );
  if (response.status !== 200) throw await statusError(response);
  const bytes = await readBody(response, MAX_DOCUMENT_BYTES);
  const digest = checkDigest(bytes, wanted, response.url);
  const mediaType = mediaTypeOf(bytes, response.headers['content-type'] ?? '', `manifest ${digest}`);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

function checkDigest(bytes: Buffer, wanted: string | undefined, url: URL): string {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (wanted === undefined || digest === wanted) return digest;
  throw new EngineError('data-loss', `${showUrl(url)}: the registry sent ${digest} where ${wanted} was asked for`);
}

/** Where the body begins. Refuses an answer whose length cannot be that of the blob. */
async function checkRange(response: HttpResponse, descriptor: Descriptor, asked: number): Promise<number> {
  const offset =
    response.status === 206 ? Number(/^bytes ([0-9]+)-/.exec(response.headers['content-range'] ?? '')?.[1]) : 0;
  const length = Number(response.headers['content-length'] ?? descriptor.size - offset);
  if ((offset === 0 || offset === asked) && offset + length === descriptor.size) return offset;
  await discard(response);
  throw new EngineError(
    'data-loss',
    `${showUrl(response.url)}: sent ${length} bytes from ${offset} on of a blob of ${descriptor.size} bytes`,
  );
}

/** True for failures that another try may not have: the connection, not what was said over it. */
export function isTransient(error: unknown): boolean {
  return isKind(error, 'unavailable') || isKind(error, 'resource-exhausted');
}
