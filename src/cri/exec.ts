import { invalidField } from '../engine/index.ts';
import type { Engine } from '../engine/index.ts';
import { checkId, checkNoNul } from './convert/checks.ts';
import { encodeExecSync } from './encoded-exec-sync.ts';
import { RuntimeService } from './generated/cri.js';
import type { ExecSyncRequest } from './generated/cri.js';
import { NEEDS_CONTAINERD, read } from './handler.ts';
import type { Handler } from '../rpc/index.ts';

export type ExecVerbs = Pick<Engine, 'execSync'>;

export function execHandlers(engine: ExecVerbs): readonly Handler[] {
  return [
    // Nothing that the engine keeps changes, and probes are most of these calls: they are logged as reads are.
    read(
      RuntimeService.execSync,
      async (request, signal) => {
        const id = checkId('container_id', request.containerId);
        return encodeExecSync(await engine.execSync(id, checkCommand(request.cmd), toTimeoutSeconds(request), signal));
      },
      NEEDS_CONTAINERD,
    ),
  ];
}

/** A command to run: at least a program, and no NUL anywhere. */
export function checkCommand(cmd: readonly string[]): readonly string[] {
  if (cmd.length === 0) throw invalidField('cmd', 'is required');
  if (cmd[0] === '') throw invalidField('cmd[0]', 'names no program');
  cmd.forEach((word, index) => checkNoNul(`cmd[${index}]`, word));
  return cmd;
}

function toTimeoutSeconds({ timeout }: ExecSyncRequest): number {
  if (timeout.isNegative()) throw invalidField('timeout', `must not be negative, got ${timeout.toString()}`);
  return timeout.toNumber();
}
