import type { Engine } from '../../engine/index.ts';
import type { StreamingTargets } from './targets.ts';

/** How long a terminal's new size may take to arrive. */
const RESIZE_DEADLINE_MS = 10_000;

/** The engine's verbs as the streaming server asks for them. */
export function engineTargets(engine: Pick<Engine, 'openExec' | 'attachContainer' | 'connectPort'>): StreamingTargets {
  return {
    exec: async ({ containerId, cmd, tty, size, stdin, stdout, stderr }, signal) => {
      const session = await engine.openExec(
        containerId,
        {
          cmd,
          tty,
          ...(size === undefined ? {} : { size }),
          stdin,
          stdout: stdout ? 'stream' : 'drop',
          stderr: stderr ? 'stream' : 'drop',
        },
        signal,
      );
      return {
        ...(session.stdin === undefined ? {} : { stdin: session.stdin }),
        ...(session.stdout === undefined ? {} : { stdout: session.stdout }),
        ...(session.stderr === undefined ? {} : { stderr: session.stderr }),
        exit: session.exit,
        resize: (width, height) => {
          // A size that could not be set is no reason to end the session; the next one comes with the next change.
          return session.resize({ width, height }, AbortSignal.timeout(RESIZE_DEADLINE_MS)).catch(() => undefined);
        },
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
    attach: ({ containerId, stdin, stdout, stderr }, signal) =>
      engine.attachContainer(containerId, { stdin, stdout, stderr }, signal),
    connect: (sandboxId, port, signal) => engine.connectPort(sandboxId, port, signal),
  };
}
