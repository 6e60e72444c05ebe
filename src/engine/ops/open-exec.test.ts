import { describe, expect, it } from 'vitest';
import { createHandlers } from '../runtime/handlers.ts';
import { containerSpec, sandboxSpec } from '../store/test-records.ts';
import { createContainer } from './create-container.ts';
import { openExec } from './open-exec.ts';
import { runSandbox } from './run-sandbox.ts';
import { startContainer } from './start-container.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
const REQUEST = { cmd: ['x'], tty: false, stdin: false, stdout: 'drop', stderr: 'drop' } as const;

describe('openExec()', () => {
  it("starts commands on the CPUs that the container's handler says, as long as it is there", async () => {
    await using engine = await testEngine();
    const { config } = engine.deps.handlers.resolve('');
    const first = { ...config, execCpuAffinity: 'first' } as const;
    const handlers = (table: Readonly<Record<string, typeof config>>) =>
      createHandlers({ handlers: { runc: config, ...table }, defaultRuntime: 'runc' }, 'cgroupfs');
    const deps = { ...engine.deps, handlers: handlers({ first }) };
    const pod = await runSandbox(deps, sandboxSpec({ handler: 'first' }), NEVER);
    const id = await createContainer(deps, pod, containerSpec({ command: ['sh'] }), NEVER);
    await startContainer(deps, id, NEVER);
    await openExec(deps, id, REQUEST, NEVER);
    await openExec({ ...deps, handlers: handlers({}) }, id, REQUEST, NEVER);
    expect(engine.execs.sessions.map(({ target }) => target.cpuAffinity)).toEqual(['first', 'all']);
  });
});
