import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  accessSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CA_CERT, SERVER_ONE_CERT, SERVER_ONE_KEY } from '../../src/cri/streaming/test-certificates.ts';
import { FakeCollector } from '../../src/telemetry/traces/fake-collector.ts';

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

  it('keeps what traces need apart, in a file that runs by itself', async () => {
    expect(read('davitd.js')).toMatch(/import\("\.\/davit-traces\.js"\)/);
    expect(read('davitd.js')).not.toContain('@opentelemetry/sdk-trace');
    // In a folder without packages, so that nothing is found that is not in it.
    copyFileSync(join(dist, 'davit-traces.js'), join(state, 'davit-traces.mjs'));
    writeFileSync(join(state, 'ca.pem'), CA_CERT);
    const pair = { private_key: Buffer.from(SERVER_ONE_KEY), cert_chain: Buffer.from(SERVER_ONE_CERT) };
    await using http = await FakeCollector.http();
    await using grpc = await FakeCollector.grpc(ServerCredentials.createSsl(null, [pair]));
    for (const [protocol, collector] of [['http/protobuf', http] as const, ['grpc', grpc] as const]) {
      expect(await traceOnce(protocol, collector.endpoint)).toBe('');
      expect(collector.spans.map(({ name }) => name)).toEqual(['call']);
    }
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

/** What a program that makes one span with the bundle warns of. */
async function traceOnce(protocol: string, endpoint: string): Promise<string> {
  const script = `
    const { createOtlpTracer } = await import('./davit-traces.mjs');
    const tracer = await createOtlpTracer({ version: '1', warn: (message) => console.log(message) });
    await tracer.root({ name: 'call', kind: 'server', attributes: {} }, () => undefined, async () => undefined);
    await tracer[Symbol.asyncDispose]();`;
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_CERTIFICATE: join(state, 'ca.pem'),
  };
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: state,
    env: { ...env, ...variables },
    // Node has a word of its own on certificates of addresses there.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const said: Buffer[] = [];
  program.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  await once(program, 'close');
  return Buffer.concat(said).toString();
}

function read(name: string): string {
  return readFileSync(join(dist, name), 'utf8');
}
