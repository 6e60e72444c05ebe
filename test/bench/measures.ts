/** What is measured, and the ratio that davit promises not to pass. */
export interface MeasureSpec {
  readonly name: string;
  readonly unit: Unit;
  readonly goal: number;
  /** What davit's figure may be at most, whatever the peer's is. */
  readonly most?: number;
}

/** Of times less is better, of throughput more. */
export type Unit = 'ms' | 'MB/s';

/** davit is never to be slower than the peer. */
const NOT_SLOWER = 1;

const NAMES = {
  runHost: 'RunPodSandbox (host network)',
  stopHost: 'StopPodSandbox (host network)',
  removeHost: 'RemovePodSandbox (host network)',
  runCni: 'RunPodSandbox (CNI)',
  create: 'CreateContainer',
  start: 'StartContainer',
  createStart: 'CreateContainer+StartContainer',
  createStartNext: "CreateContainer+StartContainer (pod's second)",
  podRunning: 'RunPodSandbox+CreateContainer+StartContainer (CNI)',
  exec: 'ExecSync',
  execStream: 'Exec (stream), to the end of `true`',
  execStdout: 'Exec (stream), stdout',
  execStdin: 'Exec (stream), stdin',
  stop: 'StopContainer',
  remove: 'RemoveContainer',
  stopCni: 'StopPodSandbox (CNI)',
  removeCni: 'RemovePodSandbox (CNI)',
  version: 'Version',
  listContainers: 'ListContainers (200)',
  listPods: 'ListPodSandbox (20)',
  containerStatus: 'ContainerStatus',
  podStatus: 'PodSandboxStatus',
  podsAtOnce: '10 pods at once, start to running (CNI)',
  podsGone: '10 pods at once, running to removed (CNI)',
  podStats: 'ListPodSandboxStats (1000)',
  podMetrics: 'ListPodSandboxMetrics (1000)',
  atRest: 'processor time at rest, per second (100 pods)',
} as const;

export type MeasureKey = keyof typeof NAMES;

/** Each byte of a stream, and each step of its session, passes through davitd's one thread; the peer's have many. */
const STREAM_GOAL = 1.5;
const STREAMED: ReadonlySet<MeasureKey> = new Set(['execStream', 'execStdout', 'execStdin']);
const THROUGHPUT: ReadonlySet<MeasureKey> = new Set(['execStdout', 'execStdin']);

/** Those that take minutes to set up: with --short only where nothing else is asked for. */
export const LARGE: ReadonlySet<MeasureKey> = new Set(['podStats', 'podMetrics', 'atRest']);

/** Milliseconds of one processor in a second: 5 % of it. */
const MOST_AT_REST = 50;

export const MEASURES: ReadonlyMap<MeasureKey, MeasureSpec> = new Map(
  (Object.keys(NAMES) as MeasureKey[]).map((key) => [
    key,
    {
      name: NAMES[key],
      unit: THROUGHPUT.has(key) ? 'MB/s' : 'ms',
      goal: STREAMED.has(key) ? STREAM_GOAL : NOT_SLOWER,
      ...(key === 'atRest' ? { most: MOST_AT_REST } : {}),
    },
  ]),
);

/** Measures whose name holds the text, whatever its case; one whose name is the text is the only one. */
export function select(text: string): ReadonlySet<MeasureKey> {
  const wanted = text.toLowerCase();
  const all = [...MEASURES].map(([key, { name }]) => ({ key, name: name.toLowerCase() }));
  const exact = all.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : all.filter(({ name }) => name.includes(wanted));
  return new Set(found.map(({ key }) => key));
}
