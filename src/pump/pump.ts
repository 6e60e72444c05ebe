import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Epoll } from '../sys/epoll.ts';
import { zeroCounters, type Counters } from './counters.ts';
import { HeldStreams } from './held-streams.ts';
import { takeLock } from './lock.ts';
import { LOCK_NAME, PROTOCOL_VERSION, PUMP_FOLDER, SOCKET_NAME, type Hello } from '../sys/pump-protocol.ts';
import type { PumpLog } from './pump-log.ts';
import { PumpServer, type Handlers } from './pump-server.ts';
import { Reactor } from './reactor.ts';
import { Workspace } from './workspace.ts';

export interface PumpOptions {
  /** davitd's state folder. */
  readonly state: string;
  /** davit's version. */
  readonly version: string;
  /** Tells this program from others of the same version. */
  readonly build: string;
  /** A pump that is to be replaced: ended as soon as this one can go on. */
  readonly replaces?: number;
  /** davitd was not there either until now: nobody held the other ends of the FIFOs. */
  readonly unguarded?: boolean;
  readonly log: PumpLog;
  /** Called once when the socket that clients know it by is gone: nobody can reach this pump any more. */
  readonly onUnreachable: () => void;
}

export interface Pump {
  /** Closes everything and leaves the containers' output to the next pump. */
  close(): void;
}

const FOLDER_MODE = 0o700;
const REACHABLE_INTERVAL_MS = 3000;
/** Of those that the kernel may end for want of memory the pump is the last. */
const OOM_SCORE_ADJ = -999;

/** Takes over what a former pump left, then serves. Undefined if another pump runs on this state. */
export async function startPump(options: PumpOptions): Promise<Pump | undefined> {
  const { state, version, build, log } = options;
  const folder = join(state, PUMP_FOLDER);
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  using undo = new DisposableStack();
  const lock = await takeLock(join(folder, LOCK_NAME), options.replaces);
  if (lock === undefined) return undefined;
  undo.use(lock);
  preferOtherVictims();

  const counters = zeroCounters();
  const reactor = undo.adopt(new Reactor(Epoll.create()), (it) => it.close());
  reactor.start();
  const held: HeldStreams = new HeldStreams({
    root: join(folder, 'streams'),
    workspace: new Workspace(),
    reactor,
    counters,
    log,
    onEnded: (id, totals) => server.publish({ event: 'ended', id, totals }),
    onStdinClosed: (id) => server.publish({ event: 'stdin-closed', id }),
  });
  undo.defer(() => held.close());
  const hello = { protocol: PROTOCOL_VERSION, version, build, pid: process.pid };
  const server: PumpServer = new PumpServer(
    join(folder, SOCKET_NAME),
    handlersOf(held, () => ({ ...counters, attached: server.attached }), hello),
    (params) => held.attach(params),
    log,
  );
  undo.defer(() => server.close());
  held.recover(options.unguarded === true);
  await server.listen();
  log.info('serves', { pid: process.pid, version, ...held.counts() });

  const timer = setInterval(() => {
    if (!server.reachable) options.onUnreachable();
  }, REACHABLE_INTERVAL_MS);
  undo.defer(() => clearInterval(timer));
  const all = undo.move();
  return { close: () => all.dispose() };
}

type LiveCounters = () => Counters & { readonly attached: number };

function handlersOf(held: HeldStreams, counters: LiveCounters, hello: Hello): Handlers {
  const startedAtMs = Date.now();
  return {
    hello: ({ protocol }) => ({ ...hello, protocol: Math.min(protocol, PROTOCOL_VERSION) }),
    add: (spec) => held.add(spec),
    list: () => ({ streams: held.list() }),
    finish: ({ id }) => held.finish(id),
    reopen: ({ id }) => {
      held.reopen(id);
      return {};
    },
    remove: ({ id, force }) => held.remove(id, force),
    status: () => ({ ...hello, startedAtMs, ...held.counts(), ...counters() }),
  };
}

function preferOtherVictims(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(OOM_SCORE_ADJ));
  } catch {
    // needs CAP_SYS_RESOURCE, which hardened hosts withhold
  }
}
