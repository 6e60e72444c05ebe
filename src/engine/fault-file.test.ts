import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HIT_SUFFIX } from './fault-file.ts';
import type { Fault } from './fault-file.ts';
import { defineOp, runOp } from './op.ts';

const OP = defineOp('test-op', ['first', 'second']);

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-fault-'));
  path = join(dir, 'fault');
  process.env['DAVIT_FAULT_FILE'] = path;
});

afterEach(async () => {
  delete process.env['DAVIT_FAULT_FILE'];
  await rm(dir, { recursive: true });
});

async function plan(fault: Partial<Fault>): Promise<void> {
  const whole = { op: 'test-op', step: 'second', moment: 'before', action: 'error', deadlineMs: 20, ...fault };
  await writeFile(path, JSON.stringify(whole));
}

/** Runs the operation; returns what its steps did. */
async function run(): Promise<readonly string[]> {
  const done: string[] = [];
  const observer = { stepEnded: () => undefined, undoFailed: () => undefined };
  const context = { subject: {}, signal: new AbortController().signal, observer };
  const body = (name: string) => ({
    deadlineMs: 60_000,
    do: async () => void done.push(name),
    undo: async () => void done.push(`undo ${name}`),
  });
  await runOp(OP, context, async (step) => {
    await step('first', body('first'));
    await step('second', body('second'));
  }).catch((error: unknown) => done.push(String(error)));
  return done;
}

describe('a fault of the file', () => {
  it('happens where and when it is planned, once', async () => {
    await plan({ moment: 'after' });
    const error = 'EngineError: second: injected after test-op second';
    expect(await run()).toEqual(['first', 'second', 'undo second', 'undo first', error]);
    expect([existsSync(path), existsSync(path + HIT_SUFFIX)]).toEqual([false, true]);
    expect(await run()).toEqual(['first', 'second']);
  });

  it('comes before the work as well', async () => {
    await plan({ moment: 'before' });
    const error = 'EngineError: second: injected before test-op second';
    expect(await run()).toEqual(['first', 'undo second', 'undo first', error]);
  });

  it('hangs past a deadline of its own', async () => {
    await plan({ action: 'hang', moment: 'before', deadlineMs: 10 });
    const done = await run();
    expect(done.at(-1)).toBe('EngineError: test-op: step second did not end within 0.01 s');
  });

  it('leaves other steps and operations alone', async () => {
    await plan({ op: 'other-op' });
    expect(await run()).toEqual(['first', 'second']);
    await rm(path);
    expect(await run()).toEqual(['first', 'second']);
  });
});
