import { rmSync } from 'node:fs';
import { makeFifo } from '../sys/fifo.ts';
import { ContainerStdin } from './container-stdin.ts';
import { Journal } from './journal.ts';
import type { StreamName } from './line-formatter.ts';
import { OutputFifo } from './output-fifo.ts';
import { ProgressFile } from './progress.ts';
import type { AddParams } from '../sys/pump-protocol.ts';
import type { StreamsFolder } from './record.ts';

/** Everything of one container that is open, but for its log. */
export interface OpenStreams extends Disposable {
  readonly outputs: readonly OutputFifo[];
  readonly journals: Readonly<Partial<Record<StreamName, Journal>>>;
  readonly progress: ProgressFile;
  /** Absent where the container has none, or its stdin is closed for good. */
  readonly stdin?: ContainerStdin;
}

const FIFO_MODE = 0o600;

/** Makes the container's FIFOs; those that are there will do. */
export function makeFifos(spec: AddParams): void {
  for (const path of fifoPaths(spec)) makeFifo(path, FIFO_MODE);
}

export function removeFifos(spec: AddParams): void {
  for (const path of fifoPaths(spec)) rmSync(path, { force: true });
}

/** Opens the container's FIFOs, journals and progress; disposing of it closes them. All or nothing. */
export function openStreams(spec: AddParams, folder: StreamsFolder, stdinClosed: boolean): OpenStreams {
  using undo = new DisposableStack();
  const outputs: OutputFifo[] = [];
  const journals: Partial<Record<StreamName, Journal>> = {};
  for (const name of ['stdout', 'stderr'] as const) {
    const path = spec[name];
    if (path === undefined) continue;
    const journal = Journal.open(folder.journalPath(name));
    undo.defer(() => journal.close());
    const output = OutputFifo.open(name, path, journal, spec.pipeBytes);
    undo.defer(() => output.close());
    journals[name] = journal;
    outputs.push(output);
  }
  const stdin =
    spec.stdin === undefined || stdinClosed
      ? undefined
      : undo.adopt(ContainerStdin.open(spec.stdin), (holder) => holder.close());
  const progress = ProgressFile.open(folder.progressPath);
  undo.defer(() => progress.close());
  const all = undo.move();
  return {
    outputs,
    journals,
    progress,
    ...(stdin === undefined ? {} : { stdin }),
    [Symbol.dispose]: () => all.dispose(),
  };
}

function fifoPaths({ stdin, stdout, stderr }: AddParams): readonly string[] {
  return [stdin, stdout, stderr].filter((path) => path !== undefined);
}
