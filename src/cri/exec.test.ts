import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../engine/index.ts';
import { encodeExecSync } from './encoded-exec-sync.ts';
import { ExecSyncResponse, RuntimeService } from './generated/cri.js';
import { failure, serve } from './test-server.ts';

/** What kubelet and crictl receive. */
const MAX_RECEIVE_BYTES = 16 * 1024 * 1024;

describe('ExecSync', () => {
  it('hands command and timeout on, and answers outputs and exit code', async () => {
    const calls: unknown[] = [];
    await using harness = await serve({
      execSync: async (...args) => {
        calls.push(args.slice(0, 3));
        return { stdout: Buffer.from('out'), stderr: Buffer.from([0, 255]), exitCode: 42 };
      },
    });
    const request = { containerId: 'c1', cmd: ['sh', '-c', ''], timeout: 7 };
    const reply = await harness.call(RuntimeService.execSync, request);
    expect(calls).toEqual([['c1', ['sh', '-c', ''], 7]]);
    expect(Buffer.from(reply.stdout).toString()).toBe('out');
    expect([...reply.stderr]).toEqual([0, 255]);
    expect(reply.exitCode).toBe(42);
  });

  it('K14: tells a timeout by DeadlineExceeded, and an exit code by an answer', async () => {
    await using harness = await serve({
      execSync: async (_id, [command]) => {
        if (command === 'slow') throw new EngineError('deadline-exceeded', 'too slow');
        return { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 1 };
      },
    });
    const exec = (command: string) => harness.call(RuntimeService.execSync, { containerId: 'c', cmd: [command] });
    expect(await failure(exec('slow'))).toEqual({ code: status.DEADLINE_EXCEEDED, details: 'too slow' });
    expect((await exec('fails')).exitCode).toBe(1);
  });

  it.each([
    ['container_id: is required', { cmd: ['a'] }],
    ['cmd: is required', { containerId: 'c' }],
    ['cmd[0]: names no program', { containerId: 'c', cmd: ['', 'a'] }],
    ['cmd[1]: has a NUL character in it', { containerId: 'c', cmd: ['a', 'b\0c'] }],
    ['timeout: must not be negative, got -1', { containerId: 'c', cmd: ['a'], timeout: -1 }],
  ])('refuses with "%s"', async (details, request) => {
    await using harness = await serve();
    const refused = await failure(harness.call(RuntimeService.execSync, request));
    expect(refused).toEqual({ code: status.INVALID_ARGUMENT, details });
  });
});

describe('encodeExecSync()', () => {
  it.each([
    [0, 0, 0],
    [1, 0, -1],
    [0, 200, 137],
    [100_000, 70_000, 255],
  ])('encodes %i and %i bytes and exit code %i as the generated code does', (out, err, exitCode) => {
    const result = { stdout: Buffer.alloc(out, 'o'), stderr: Buffer.alloc(err, 'e'), exitCode };
    const decoded = ExecSyncResponse.decode(encodeExecSync({ ...result, stdout: Buffer.alloc(out, 'o') }));
    expect(Buffer.from(decoded.stdout).equals(Buffer.alloc(out, 'o'))).toBe(true);
    expect(Buffer.from(decoded.stderr).equals(Buffer.alloc(err, 'e'))).toBe(true);
    expect(decoded.exitCode).toBe(exitCode);
  });

  it.each([
    [16 * 1024 * 1024 - 1024, 0],
    [8 * 1024 * 1024 - 512, 8 * 1024 * 1024 - 512],
  ])('makes replies of %i and %i bytes that kubelet and crictl receive', (out, err) => {
    const result = { stdout: Buffer.allocUnsafeSlow(out), stderr: Buffer.allocUnsafeSlow(err), exitCode: 255 };
    expect(encodeExecSync(result).length).toBeLessThan(MAX_RECEIVE_BYTES);
    expect(result.stdout.length + result.stderr.length).toBe(0);
  });
});
