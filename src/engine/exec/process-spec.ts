import { parseCpuList } from '../../cpu-list.ts';
import { EngineError } from '../errors.ts';
import type { TerminalSize } from './exec-types.ts';

/** What of a container's OCI process is read here; everything else of it is passed on as it is. */
interface ContainerProcess {
  readonly env?: readonly string[];
  readonly rlimits?: readonly { readonly type: string; readonly hard: number; readonly soft: number }[];
}

export interface ExecProcessInput {
  /** The container's OCI spec. */
  readonly spec: unknown;
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  /** Which CPUs of the container's own cpuset it starts on. */
  readonly cpuAffinity: 'all' | 'first';
  /** Of the terminal. */
  readonly size?: TerminalSize | undefined;
  /** What marks the process and its descendants; see execMark(). */
  readonly mark: bigint;
  /** The hard limit of file locks that the process may have; undefined: no mark. */
  readonly hardLocks: bigint | undefined;
}

/** No limit, as the kernel and OCI specs write it. */
export const RLIM_INFINITY = 2n ** 64n - 1n;

const LOCKS = 'RLIMIT_LOCKS';
const TERM = 'TERM=xterm';

/**
 * The OCI process of an exec, as JSON: the container's own, with other arguments and terminal.
 *
 * Its processes are marked by the soft limit of file locks, a number that Linux keeps, inherits and has not looked at
 * since 2.4: unlike session, parent or open files, no daemon changes it on its way. The hard limit stays as it is, so
 * that programs which set all limits (su, sudo) find nothing in their way.
 */
export function execProcess(input: ExecProcessInput): string {
  const process = processOf(input);
  const { rlimits: _rlimits, ...rest } = process;
  const json = JSON.stringify({
    ...rest,
    terminal: input.tty,
    args: input.cmd,
    ...(input.tty ? { env: withTerm(process.env ?? []) } : {}),
    consoleSize: input.tty ? input.size : undefined,
    execCPUAffinity: affinityOf(input),
    commandLine: undefined,
  });
  // A limit may be larger than what a JSON number of JavaScript can be.
  const limits = limitsOf(process, input).map(
    ({ type, hard, soft }) => `{"type":${JSON.stringify(type)},"hard":${hard},"soft":${soft}}`,
  );
  return limits.length === 0 ? json : `${json.slice(0, -1)},"rlimits":[${limits.join(',')}]}`;
}

/** The hard limit of file locks in the text of a /proc/<pid>/limits. */
export function hardLocksIn(limits: string): bigint | undefined {
  return lockLimit(limits, 2);
}

/** The soft limit of file locks in the text of a /proc/<pid>/limits. */
export function softLocksIn(limits: string): bigint | undefined {
  return lockLimit(limits, 1);
}

function lockLimit(limits: string, group: 1 | 2): bigint | undefined {
  const text = /^Max file locks +(\S+) +(\S+)/m.exec(limits)?.[group];
  if (text === undefined) return undefined;
  return text === 'unlimited' ? RLIM_INFINITY : BigInt(text);
}

function processOf({ spec, containerId }: ExecProcessInput): ContainerProcess {
  if (typeof spec === 'object' && spec !== null && 'process' in spec) {
    if (typeof spec.process === 'object' && spec.process !== null) return spec.process;
  }
  throw new EngineError('internal', `the spec that containerd keeps of container ${containerId} has no process`);
}

/** Of OCI 1.2.1; older runtimes and shims pass it over. Only a container with CPUs of its own has a first one to keep to. */
function affinityOf({ spec, cpuAffinity }: ExecProcessInput): { readonly final: string } | undefined {
  if (cpuAffinity === 'all') return undefined;
  const [first] = parseCpuList(cpusetOf(spec)) ?? [];
  return first === undefined ? undefined : { final: String(first) };
}

function cpusetOf(spec: unknown): string {
  const { linux } = spec as {
    readonly linux?: { readonly resources?: { readonly cpu?: { readonly cpus?: unknown } } };
  };
  const cpus = linux?.resources?.cpu?.cpus;
  return typeof cpus === 'string' ? cpus : '';
}

interface Limit {
  readonly type: string;
  readonly hard: bigint;
  readonly soft: bigint;
}

function limitsOf(process: ContainerProcess, { mark, hardLocks }: ExecProcessInput): readonly Limit[] {
  const own = (process.rlimits ?? []).map(({ type, hard, soft }) => ({ type, hard: exact(hard), soft: exact(soft) }));
  if (hardLocks === undefined || hardLocks < mark || own.some(({ type }) => type === LOCKS)) return own;
  return [...own, { type: LOCKS, hard: hardLocks, soft: mark }];
}

/** Only infinity is beyond what a double holds exactly. */
function exact(limit: number): bigint {
  return Number.isSafeInteger(limit) ? BigInt(limit) : RLIM_INFINITY;
}

function withTerm(env: readonly string[]): readonly string[] {
  return env.some((entry) => entry.startsWith('TERM=')) ? env : [...env, TERM];
}
