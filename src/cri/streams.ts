import { EngineError } from '../engine/index.ts';
import type { Engine } from '../engine/index.ts';
import { checkId } from './convert/checks.ts';
import { checkCommand } from './exec.ts';
import { RuntimeService } from './generated/cri.js';
import { read } from './handler.ts';
import type { Handler } from '../rpc/index.ts';
import type { StreamingServer } from './streaming/index.ts';

export type StreamVerbs = Pick<Engine, 'getContainer' | 'getSandbox'>;
export type StreamingUrls = Pick<StreamingServer, 'getExec' | 'getAttach' | 'getPortForward'>;

/** Exec, Attach and PortForward answer a URL; what happens there is the streaming server's. */
export function streamHandlers(engine: StreamVerbs, urls: StreamingUrls): readonly Handler[] {
  return [
    read(RuntimeService.exec, ({ containerId, cmd, tty, stdin, stdout, stderr }) => ({
      url: urls.getExec({
        containerId: running(engine, containerId),
        cmd: checkCommand(cmd),
        tty,
        stdin,
        stdout,
        stderr,
      }),
    })),
    read(RuntimeService.attach, ({ containerId, tty, stdin, stdout, stderr }) => ({
      url: urls.getAttach({ containerId: running(engine, containerId), tty, stdin, stdout, stderr }),
    })),
    read(RuntimeService.portForward, ({ podSandboxId }) => ({
      url: urls.getPortForward({ sandboxId: ready(engine, podSandboxId) }),
    })),
  ];
}

/** Told now rather than when the client connects. */
function running(engine: StreamVerbs, containerId: string): string {
  const { id, state } = engine.getContainer(checkId('container_id', containerId));
  if (state.phase === 'running') return id;
  throw new EngineError('failed-precondition', `container ${id} is ${state.phase}, not running`);
}

function ready(engine: StreamVerbs, sandboxId: string): string {
  const { id, state } = engine.getSandbox(checkId('pod_sandbox_id', sandboxId));
  if (state.phase === 'ready') return id;
  throw new EngineError('failed-precondition', `pod_sandbox ${id} is ${state.phase}, not ready`);
}
