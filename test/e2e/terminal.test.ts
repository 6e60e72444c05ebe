import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerProcesses } from './support/container-processes.ts';
import { BUSYBOX, Pod, containerStatus, eventually, mustCrictl } from './support/node.ts';
import { Terminal, UNUSUAL_SIZE } from './support/terminal.ts';

const OTHER_SIZE = { width: 70, height: 20 };

let pod: Pod;
let container: string;

beforeAll(async () => {
  await mustCrictl('pull', BUSYBOX);
  pod = await Pod.run('terminal', { linux: { security_context: { namespace_options: { pid: 1 } } } });
  container = await pod.start('main');
});

afterAll(async () => {
  await pod[Symbol.asyncDispose]();
});

/** Processes that run in the container beside its first. */
async function others(id: string): Promise<readonly string[]> {
  return (await containerProcesses(id)).map(({ command }) => command).filter((command) => command !== 'sleep 1000');
}

async function noOthers(id: string): Promise<void> {
  await eventually('the end of all that was run in the container', async () =>
    (await others(id)).length === 0 ? true : undefined,
  );
}

describe.each(['spdy', 'websocket'])('crictl exec -it over %s', (transport) => {
  const exec = async (...command: readonly string[]): Promise<Terminal> =>
    await Terminal.run(['crictl', 'exec', '--transport', transport, '-it', container, ...command]);

  it('runs a command that finds the terminal at its size from the start, and learns of every other size', async () => {
    await using terminal = await exec('sh', '-c', 'trap "stty size" WINCH; stty size; while :; do sleep 0.1; done');
    await terminal.shows(new RegExp(`^${UNUSUAL_SIZE.height} ${UNUSUAL_SIZE.width}$`, 'm'));
    await terminal.resize(OTHER_SIZE);
    expect(await terminal.shows(new RegExp(`^${OTHER_SIZE.height} ${OTHER_SIZE.width}$`, 'm'))).toHaveLength(1);
  });

  it('keeps the last of many sizes that come fast', async () => {
    await using terminal = await exec('sh', '-c', 'while :; do sleep 0.1; echo now $(stty size) end; done');
    for (let width = 60; width < 90; width++) await terminal.resize({ width, height: 15 });
    expect(await terminal.shows(/now 15 89 end/)).toHaveLength(1);
  });

  it('is a conversation: what is typed arrives, Ctrl-C interrupts, Ctrl-D ends', async () => {
    await using terminal = await exec('sh');
    await terminal.line('echo $((6 * 7)) answers');
    await terminal.shows(/^42 answers$/m);
    await terminal.line('sleep 4000; echo came back');
    await eventually('the command', async () => ((await others(container)).includes('sleep 4000') ? true : undefined));
    await terminal.press('C-c');
    await terminal.line('echo still $((40 + 2))');
    await terminal.shows(/^still 42$/m);
    expect(await terminal.text()).not.toMatch(/^came back$/m);
    await terminal.press('C-d');
    expect(await terminal.ended()).toBe(0);
    await noOthers(container);
  });

  it('tells the exit code of a command that Ctrl-C ends', async () => {
    await using terminal = await exec('sh', '-c', 'echo begun; sleep 4000');
    await terminal.shows(/^begun$/m);
    await terminal.press('C-c');
    // crictl's own is 1 whatever the command's.
    expect(await terminal.ended()).toBe(1);
    await terminal.shows(/command terminated with exit code 130/);
  });

  it('tells exit code 42', async () => {
    await using terminal = await exec('sh', '-c', 'exit 42');
    expect(await terminal.ended()).toBe(1);
    await terminal.shows(/command terminated with exit code 42/);
  });

  it('names a command that is not there', async () => {
    await using terminal = await exec('no-such-command');
    expect(await terminal.ended()).toBe(1);
    await terminal.shows(/exec "no-such-command" in container .* not found/);
  });

  it('shows long output whole', async () => {
    await using terminal = await exec('seq', '1', '5000');
    expect(await terminal.ended()).toBe(0);
    const numbers = [...(await terminal.text()).matchAll(/^\d+$/gm)].map(([number]) => Number(number));
    expect([numbers.length, numbers.every((number, n) => number === n + 1)]).toEqual([5000, true]);
  });

  it('ends a command whose client is killed, or whose terminal is closed', async () => {
    const killed = await exec('sh', '-c', 'sleep 4001; sleep 4002');
    await using closed = await exec('sh', '-c', 'sleep 4003; sleep 4004');
    await eventually('both commands', async () => {
      const running = await others(container);
      return running.includes('sleep 4001') && running.includes('sleep 4003') ? true : undefined;
    });
    await killed[Symbol.asyncDispose]();
    process.kill(await closed.pid(), 'SIGKILL');
    await noOthers(container);
    expect(await containerStatus(container)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });
});

describe.each(['spdy', 'websocket'])('crictl attach -it over %s', (transport) => {
  let shell: string;

  beforeAll(async () => {
    shell = await pod.start(`shell-${transport}`, { command: ['sh'], stdin: true, tty: true });
  });

  afterAll(async () => {
    await mustCrictl('rm', '-f', shell);
  });

  const attach = async (): Promise<Terminal> =>
    await Terminal.run(['crictl', 'attach', '--transport', transport, '-it', shell]);

  it("is the container's own terminal, at the size of the client's", async () => {
    await using terminal = await attach();
    await terminal.line('echo pid $$');
    await terminal.shows(/^pid 1$/m);
    await terminal.line('stty size');
    await terminal.shows(new RegExp(`^${UNUSUAL_SIZE.height} ${UNUSUAL_SIZE.width}$`, 'm'));
    await terminal.resize(OTHER_SIZE);
    const found = await eventually('the other size', async () => {
      await terminal.line('stty size');
      return (await terminal.text()).includes(`\n${OTHER_SIZE.height} ${OTHER_SIZE.width}`) ? true : undefined;
    });
    expect(found).toBe(true);
  });

  it('interrupts by Ctrl-C what the shell runs, and not the shell', async () => {
    await using terminal = await attach();
    await terminal.line('sleep 4000');
    await eventually('the command', async () => ((await others(shell)).includes('sleep 4000') ? true : undefined));
    await terminal.press('C-c');
    await terminal.line('echo still $((40 + 2))');
    expect(await terminal.shows(/^still 42$/m)).toHaveLength(1);
  });

  it('shows many clients the same, and lets each leave', async () => {
    await using first = await attach();
    await using second = await attach();
    const third = await attach();
    // A client that has its prompt is attached.
    for (const each of [first, second, third]) {
      await each.press('Enter');
      await each.shows(/ #/);
    }
    await first.line('echo to all of $((3 - 0))');
    for (const each of [first, second, third]) await each.shows(/^to all of 3$/m);
    await third[Symbol.asyncDispose]();
    await second.press('C-p', 'C-q');
    await second.ended();
    await first.line('echo and $((1 + 1)) have left');
    await first.shows(/^and 2 have left$/m);
    expect(await containerStatus(shell)).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });

  it('ends with the container', async () => {
    await using terminal = await attach();
    await terminal.line('exit 5');
    // What the exit code was is no failure of attach.
    expect(await terminal.ended()).toBe(0);
    await eventually('its exit', async () => {
      const { state, exitCode } = await containerStatus(shell);
      return state === 'CONTAINER_EXITED' && exitCode === 5 ? true : undefined;
    });
  });
});
