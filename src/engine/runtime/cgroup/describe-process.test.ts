import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { describeProcess } from './describe-process.ts';

describe('describeProcess()', () => {
  it('names the process, its state, and where the kernel has it', async () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    process.kill(child.pid ?? 0, 'SIGSTOP');
    let text = '';
    while (!text.includes('state T')) text = await describeProcess(child.pid ?? 0);
    expect(text).toMatch(new RegExp(`^${child.pid} \\(sleep, state T(, in \\w+)?\\)$`));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await describeProcess(child.pid ?? 0)).toBe(`${child.pid} (gone)`);
  });
});
