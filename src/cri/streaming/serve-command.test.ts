import { getEventListeners } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { CommandSession } from './command-session.ts';
import { exitStatus } from './command-status.ts';
import { FakeProcess } from './fake.ts';
import { serveCommand } from './remotecommand.ts';
import type { CommandDeps } from './remotecommand.ts';

const ASKED = { tty: false, stdin: true, stdout: true, stderr: true };

function world(change: Partial<CommandDeps> = {}) {
  const process = new FakeProcess(ASKED);
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const error = new PassThrough();
  const gone = new AbortController();
  const session: CommandSession = {
    ...streams,
    error,
    statusFormat: 'json',
    gone: gone.signal,
    close: () => {
      for (const stream of [streams.stdout, streams.stderr, error]) stream.end();
      return Promise.resolve();
    },
  };
  const left: unknown[] = [];
  const served = serveCommand(session, {
    start: () => Promise.resolve(process),
    statusOf: exitStatus,
    stop: new AbortController().signal,
    onLeft: (problem) => left.push(problem),
    ...change,
  });
  return { process, ...streams, error, gone, left, served };
}

describe('serveCommand()', () => {
  it('ends a session whose process has left its output to another', async () => {
    const w = world({ quietAfterExitMs: 20 });
    w.process.output.write('last words');
    w.process.endAlone(5);
    expect(await w.served).toMatchObject({ reason: 'NonZeroExitCode' });
    expect(await text(w.stdout)).toBe('last words');
    expect(w.process.isDisposed).toBe(true);
  });

  it('gives a client that lags all of the output, however long it takes', async () => {
    const w = world({ quietAfterExitMs: 1 });
    const long = 'x'.repeat(1024 * 1024);
    w.process.output.end(long);
    w.process.endAlone(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(w.process.isDisposed).toBe(false);
    const read = text(w.stdout);
    w.process.errors.end();
    await w.served;
    expect(await read).toBe(long);
  });

  it('takes an output that breaks for one that ends', async () => {
    const w = world();
    w.process.output.destroy(new Error('EIO'));
    w.process.errors.end('and the other goes on');
    const read = text(w.stderr);
    w.process.endAlone(0);
    expect(await w.served).toEqual({ status: 'Success' });
    expect(await read).toBe('and the other goes on');
  });

  it('tells the client when the wait for the exit fails', async () => {
    const w = world();
    w.process.fail(new Error('containerd is away'));
    expect(await w.served).toMatchObject({ status: 'Failure', message: 'containerd is away' });
    expect(await text(w.error)).toContain('containerd is away');
  });

  it('reports a process that it cannot dispose of', async () => {
    const w = world({ quietAfterExitMs: 1 });
    const problem = new Error('still there');
    w.process[Symbol.asyncDispose] = () => Promise.reject(problem);
    w.process.end(0);
    w.stdout.resume();
    w.stderr.resume();
    expect(await w.served).toEqual({ status: 'Success' });
    expect(w.left).toEqual([problem]);
  });

  it('leaves nothing listening to the signals that it got', async () => {
    const stop = new AbortController();
    const w = world({ stop: stop.signal });
    w.process.end(0);
    w.stdout.resume();
    w.stderr.resume();
    await w.served;
    expect([...getEventListeners(stop.signal, 'abort'), ...getEventListeners(w.gone.signal, 'abort')]).toEqual([]);
  });
});
