import { callDuplex, callServerStream, callUnary } from './call.ts';
import type { CallOptions, CallTarget, DuplexCall } from './call.ts';
import {
  containersService,
  contentService,
  diffService,
  eventsService,
  imagesService,
  introspectionService,
  leasesService,
  namespacesService,
  snapshotsService,
  streamingService,
  tasksService,
  transferService,
  versionService,
} from './generated/containerd.js';
import type { $Method } from './generated/containerd.js';

/** containerd's services. transfer and streaming are there from 1.7 on: see probe.ts. */
const SERVICES = {
  containers: containersService,
  content: contentService,
  diff: diffService,
  events: eventsService,
  images: imagesService,
  introspection: introspectionService,
  leases: leasesService,
  namespaces: namespacesService,
  snapshots: snapshotsService,
  streaming: streamingService,
  tasks: tasksService,
  transfer: transferService,
  version: versionService,
};

/** Unary methods give promises, server streams async iterables, streams both ways a DuplexCall. Errors are EngineErrors. */
export type ClientMethod<M> =
  M extends $Method<infer I, infer _Request, infer _Response, infer O, infer Up, infer Down>
    ? Up extends true
      ? (options: CallOptions) => Promise<DuplexCall<I, O>>
      : Down extends true
        ? (request: I, options: CallOptions) => AsyncIterableIterator<O>
        : (request: I, options: CallOptions) => Promise<O>
    : never;

export type ServiceClient<S> = { readonly [Name in keyof S]: ClientMethod<S[Name]> };

export type Clients = { readonly [Name in keyof typeof SERVICES]: ServiceClient<(typeof SERVICES)[Name]> };

export type ContainersClient = Clients['containers'];
export type ContentClient = Clients['content'];
export type DiffClient = Clients['diff'];
export type EventsClient = Clients['events'];
export type ImagesClient = Clients['images'];
export type LeasesClient = Clients['leases'];
export type SnapshotsClient = Clients['snapshots'];
export type TasksClient = Clients['tasks'];

/** Clients of all services whose calls go to `target`. */
export function createClients(target: CallTarget): Clients {
  const clients = Object.entries(SERVICES).map(([name, service]) => [name, createClient(target, service)]);
  return Object.fromEntries(clients) as Clients;
}

function createClient(target: CallTarget, service: Readonly<Record<string, AnyMethod>>): object {
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, clientMethod(target, method)]));
}

/** A method whose message types do not matter: what encodes and decodes them comes with it. */
type AnyMethod = $Method<never, unknown, never, unknown, boolean, boolean>;

function clientMethod(target: CallTarget, method: AnyMethod): unknown {
  if (isDuplex(method)) return (options: CallOptions) => callDuplex(target, method, options);
  if (isServerStream(method)) {
    return (request: never, options: CallOptions) => callServerStream(target, method, request, options);
  }
  if (isUnary(method)) return (request: never, options: CallOptions) => callUnary(target, method, request, options);
  throw new TypeError(`${method.path} streams from the client alone, which no method of containerd does`);
}

type Streams<Up extends boolean, Down extends boolean> = $Method<never, unknown, never, unknown, Up, Down>;

function isDuplex(method: AnyMethod): method is Streams<true, true> {
  return method.requestStream && method.responseStream;
}

function isServerStream(method: AnyMethod): method is Streams<false, true> {
  return !method.requestStream && method.responseStream;
}

function isUnary(method: AnyMethod): method is Streams<false, false> {
  return !method.requestStream && !method.responseStream;
}
