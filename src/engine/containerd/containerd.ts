import { join } from 'node:path';
import { EngineError, messageOf } from '../errors.ts';
import type { Service } from '../lifecycle.ts';
import type { Instruments } from '../instruments.ts';
import type { Logger } from '../logger.ts';
import type { CallTarget } from './call.ts';
import { decide } from './choice.ts';
import type { Choice } from './choice.ts';
import { readChoice, writeChoice } from './choice-file.ts';
import { createClients } from './clients.ts';
import type { Clients } from './clients.ts';
import { Connection } from './connection.ts';
import { subscribeEvents } from './events.ts';
import type { ContainerdEvent } from './events.ts';
import { acquireLease } from './leases.ts';
import type { Lease, LeaseRequest } from './leases.ts';
import { ensureNamespace } from './namespace.ts';
import { probeServer } from './probe.ts';
import type { ServerFacts } from './probe.ts';
import { refusedVersion } from './refused-version.ts';
import { supervisedPaths } from './supervised-paths.ts';
import { Supervisor } from './supervisor.ts';
import { findProgram, socketAnswers, SYSTEM_ADDRESS, systemServiceInstalled } from './system-facts.ts';

export interface ContainerdSettings {
  /** `auto` or the path of a socket. */
  readonly address: string;
  readonly namespace: string;
  /** How long a call waits for a containerd that is away, in ms. */
  readonly waitMs: number;
  /** The engine's own directories. */
  readonly root: string;
  readonly state: string;
}

export interface ContainerdDeps {
  readonly settings: ContainerdSettings;
  readonly logger: Logger;
  /** Whether pods or containers are recorded. While there are, only the containerd that holds them will do. */
  readonly hasRecords: () => boolean;
  readonly instruments: Instruments;
}

/** For Status: whether containerd can be used and, if not, why. */
export interface ContainerdStatus {
  readonly ready: boolean;
  /** One word in CamelCase; '' when ready. */
  readonly reason: string;
  /** What is wrong and what to do; '' when ready. */
  readonly message: string;
  /** Path of the socket; '' before the start. */
  readonly address: string;
}

/** The engine's connection to containerd. */
export interface Containerd extends Service {
  /**
   * Calls reach only a containerd that has been identified as the right one; while there is none they wait for it, for the
   * time that the settings give, and then fail as unavailable.
   */
  readonly clients: Clients;
  /** Chooses a containerd, starts one if that is the choice, and begins to connect. Does not wait for the connection. */
  start(signal: AbortSignal): Promise<void>;
  /** Ends the connection. A containerd that was started goes on, and its containers. */
  close(): Promise<void>;
  /** Resolves when calls can be made, however long that takes. */
  ready(signal: AbortSignal): Promise<ServerFacts>;
  status(): ContainerdStatus;
  /** What the server is and offers; undefined until it has been reached once. */
  facts(): ServerFacts | undefined;
  /** Which containerd was chosen; undefined before the start. */
  choice(): Choice | undefined;
  /** Tells of each change of the status from now on; the answer unsubscribes. */
  onChange(listener: (status: ContainerdStatus) => void): () => void;
  /** See subscribeEvents(). */
  subscribe(signal: AbortSignal): Promise<AsyncIterableIterator<ContainerdEvent>>;
  /** See acquireLease(). */
  lease(request: LeaseRequest, signal: AbortSignal): Promise<Lease>;
}

/** Nothing happens before `start()`. */
export function createContainerd(deps: ContainerdDeps): Containerd {
  return new ChosenContainerd(deps);
}

const CHOICE_FILE = 'containerd.json';
/** How long one question to a containerd that has just been reached may take, in ms. */
const CHECK_DEADLINE_MS = 10_000;

class ChosenContainerd implements Containerd {
  readonly name = 'containerd';
  readonly clients: Clients;
  readonly #deps: ContainerdDeps;
  readonly #checkClients: Clients;
  readonly #listeners = new Set<(status: ContainerdStatus) => void>();
  #choice: Choice | undefined;
  #recorded: Choice | undefined;
  #connection: Connection | undefined;
  #supervisor: Supervisor | undefined;
  #facts: ServerFacts | undefined;

  constructor(deps: ContainerdDeps) {
    this.#deps = deps;
    this.clients = createClients(this.#target((signal) => this.#opened().admission(signal)));
    this.#checkClients = createClients(this.#target(() => undefined));
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#connection !== undefined) return;
    signal.throwIfAborted();
    const { settings, logger } = this.#deps;
    this.#recorded = await this.#readRecorded();
    const choice = await this.#decide(this.#recorded);
    // A given address is recorded only once it has proved to be the right containerd.
    if (choice.kind !== 'given') await this.#record(choice);
    if (choice.kind === 'supervised') {
      this.#supervisor = new Supervisor({ paths: supervisedPaths(settings.root, settings.state), logger });
      await this.#supervisor.start();
    }
    logger.info({ address: choice.address, kind: choice.kind }, 'containerd chosen');
    this.#choice = choice;
    this.#connection = new Connection({
      address: choice.address,
      check: (until) => this.#check(until),
      awayMessage: () => this.#awayMessage(),
      waitMs: settings.waitMs,
      logger,
    });
    this.#connection.onChange(() => this.#announce());
    this.#connection.open();
  }

  async close(): Promise<void> {
    this.#connection?.close();
    await this.#supervisor?.close();
  }

  async ready(signal: AbortSignal): Promise<ServerFacts> {
    await this.#opened().ready(signal);
    if (this.#facts === undefined)
      throw new EngineError('internal', 'containerd is ready and was not asked what it is');
    return this.#facts;
  }

  facts(): ServerFacts | undefined {
    return this.#facts;
  }

  choice(): Choice | undefined {
    return this.#choice;
  }

  status(): ContainerdStatus {
    const address = this.#choice?.address ?? '';
    const state = this.#connection?.state ?? { kind: 'away' };
    switch (state.kind) {
      case 'ready':
        return { ready: true, reason: '', message: '', address };
      case 'checking':
        return { ready: false, reason: 'ContainerdStarting', message: `containerd at ${address} is starting`, address };
      case 'refused':
        return { ready: false, reason: 'ContainerdMismatch', message: state.error.message, address };
      case 'away':
      case 'closed':
        return { ready: false, reason: 'ContainerdUnavailable', message: this.#awayMessage(), address };
    }
  }

  onChange(listener: (status: ContainerdStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async subscribe(signal: AbortSignal): Promise<AsyncIterableIterator<ContainerdEvent>> {
    return await subscribeEvents({ clients: this.clients, namespace: this.#deps.settings.namespace }, signal);
  }

  async lease(request: LeaseRequest, signal: AbortSignal): Promise<Lease> {
    return await acquireLease({ clients: this.clients, logger: this.#deps.logger }, request, signal);
  }

  async #readRecorded(): Promise<Choice | undefined> {
    const { settings, logger } = this.#deps;
    try {
      return await readChoice(this.#choicePath());
    } catch (error) {
      if (settings.address === 'auto') throw error;
      logger.warn(
        { error: messageOf(error) },
        'the record of the containerd in use is lost; the address given is used',
      );
      return undefined;
    }
  }

  async #decide(recorded: Choice | undefined): Promise<Choice> {
    const { settings, hasRecords } = this.#deps;
    const choice = decide(recorded, {
      setting: settings.address,
      hasRecords: hasRecords(),
      systemAddress: SYSTEM_ADDRESS,
      systemInstalled: systemServiceInstalled(),
      systemAnswers: await socketAnswers(SYSTEM_ADDRESS),
      ownAddress: supervisedPaths(settings.root, settings.state).address,
      ownPossible: findProgram('containerd') !== undefined,
    });
    if (choice !== undefined) return choice;
    const remedy = 'install containerd, or name a socket by --containerd-address';
    throw new EngineError('failed-precondition', `there is no containerd on this node: ${remedy}`);
  }

  async #record(choice: Choice): Promise<void> {
    const old = this.#recorded;
    if (old?.kind === choice.kind && old.address === choice.address && old.uuid === choice.uuid) return;
    await writeChoice(this.#choicePath(), choice);
    this.#recorded = choice;
  }

  #choicePath(): string {
    return join(this.#deps.settings.root, CHOICE_FILE);
  }

  /** Answers why the containerd that was reached is not the right one. */
  async #check(signal: AbortSignal): Promise<EngineError | undefined> {
    const { settings, logger, hasRecords } = this.#deps;
    const options = { signal, deadlineMs: CHECK_DEADLINE_MS };
    const facts = await probeServer(this.#checkClients, options);
    const choice = this.#choice;
    if (choice === undefined) throw new EngineError('internal', 'containerd is reached before it was chosen');
    if (choice.uuid !== undefined && choice.uuid !== facts.uuid && hasRecords()) {
      const error = mismatch(choice, facts.uuid);
      logger.error({ address: choice.address, expected: choice.uuid, found: facts.uuid }, error.message);
      return error;
    }
    const refused = refusedVersion(facts.version, choice.address);
    if (refused !== undefined) {
      logger.error({ address: choice.address, version: facts.version }, refused.message);
      return refused;
    }
    await ensureNamespace(this.#checkClients, settings.namespace, options);
    this.#choice = { ...choice, uuid: facts.uuid };
    await this.#record(this.#choice);
    this.#facts = facts;
    logger.info({ address: choice.address, version: facts.version, uuid: facts.uuid }, 'containerd is ready');
    return undefined;
  }

  #target(admission: CallTarget['admission']): CallTarget {
    const address = (): string => this.#choice?.address ?? '';
    return {
      get address() {
        return address();
      },
      namespace: this.#deps.settings.namespace,
      admission,
      grpc: () => this.#opened().grpc,
      instruments: this.#deps.instruments,
    };
  }

  #opened(): Connection {
    if (this.#connection === undefined) throw new EngineError('unavailable', this.#awayMessage());
    return this.#connection;
  }

  #announce(): void {
    const status = this.status();
    for (const listener of this.#listeners) listener(status);
  }

  #awayMessage(): string {
    const choice = this.#choice;
    if (choice === undefined) return 'containerd has not been chosen yet: davitd is starting';
    if (this.#connection?.state.kind === 'closed') return `the connection to containerd at ${choice.address} is closed`;
    const hint = choice.kind === 'supervised' ? 'davitd starts it again' : 'check that it runs';
    const wait = this.#deps.hasRecords() ? '; it holds the pods of this node, so no other will do' : '';
    return `containerd at ${choice.address} does not answer: ${hint}${wait}`;
  }
}

function mismatch(choice: Choice, found: string): EngineError {
  return new EngineError(
    'failed-precondition',
    `the containerd at ${choice.address} (${found}) is not the one that holds the pods of this node (${choice.uuid}): ` +
      'start that one again, or remove its pods by it first',
  );
}
