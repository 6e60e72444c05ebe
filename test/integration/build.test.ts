import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants as osConstants, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
/** The programs are started by their first line: it must find the Node that runs this test. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };

let dist: string;
let state: string;

beforeAll(() => {
  // In the tree: the bundles find koffi in its node_modules.
  mkdirSync(join(root, 'dist'), { recursive: true });
  dist = mkdtempSync(join(root, 'dist/.test-'));
  state = mkdtempSync(join(tmpdir(), 'dv-'));
  build('--out', dist);
});

afterAll(() => {
  rmSync(dist, { recursive: true, force: true });
  rmSync(state, { recursive: true, force: true });
});

describe('the build', () => {
  it.each(['davitd.js', 'davit.js'])('makes %s a program that prints its help', (name) => {
    accessSync(join(dist, name), constants.X_OK);
    const { status, stdout, stderr } = spawnSync(join(dist, name), ['--help'], { encoding: 'utf8', env });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toContain('usage:');
  });

  it('leaves the fault points out, unless they are asked for', () => {
    const traces = ['davitFault', 'DAVIT_FAULT', 'faultOfFile', 'injected ${'];
    expect(traces.filter((trace) => read('davitd.js').includes(trace))).toEqual([]);
    build('--out', join(dist, 'faults'), '--faults');
    for (const trace of ['davitFault', 'DAVIT_FAULT_FILE', 'faultOfFile']) {
      expect(read('faults/davitd.js')).toContain(trace);
    }
  });

  it('makes a davitd that an old Node can read far enough to refuse', async () => {
    // The same text for the old one and for the newest: nothing in it has to be rewritten.
    const [old, newest] = await Promise.all(
      ['node18', 'esnext'].map(async (target) => (await transform(read('davitd.js'), { target, format: 'esm' })).code),
    );
    expect(old === newest).toBe(true);
    expect(read('davitd.js')).not.toMatch(/^import .* from ["']koffi["']/m);
  });

  it('carries the licences of what is bundled', () => {
    expect(read('THIRD-PARTY-LICENSES.txt')).toMatch(/@grpc\/grpc-js .*\(Apache-2.0\)\n-+\n\n *Apache License/);
  });

  it.each(['davitd.js', 'davit.js', 'davit-pump.js'])(
    'has %s start without the signal that opens the inspector',
    (name) => {
      expect(read(name).split('\n')[0]).toBe('#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=8');
    },
  );

  it('makes programs that do not catch SIGUSR1', async () => {
    const silent = createServer();
    await once(silent.listen(join(state, 's')), 'listening');
    const connected = once(silent, 'connection');
    const davit = spawn(join(dist, 'davit.js'), ['--socket', join(state, 's'), 'version'], { env, stdio: 'ignore' });
    const ended = once(davit, 'exit');
    await connected;
    const status = readFileSync(`/proc/${davit.pid}/status`, 'utf8');
    davit.kill('SIGTERM');
    await ended;
    silent.close();
    const caught = BigInt(`0x${/^SigCgt:\s+(\w+)$/m.exec(status)?.[1]}`);
    expect(caught & (1n << BigInt(osConstants.signals.SIGUSR1 - 1))).toBe(0n);
    expect(caught).not.toBe(0n);
  });
});

function build(...args: readonly string[]): void {
  const result = spawnSync(process.execPath, [join(root, 'hack/build.ts'), ...args], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stderr);
}

function read(name: string): string {
  return readFileSync(join(dist, name), 'utf8');
}
