import { Server, ServerCredentials, status, type UntypedHandleCall } from '@grpc/grpc-js';
import Long from 'long';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContainerState, ImageService, PodSandboxState, RuntimeService } from '../cri/generated/cri.js';
import { createClient } from './client.ts';
import { FakeTerminal } from './fake-terminal.ts';
import { runCli } from './run.ts';

let folder: string;
let socket: string;
let server: Server;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dv-cli-'));
  socket = join(folder, 's.sock');
  server = new Server();
});

afterEach(() => {
  server.forceShutdown();
  rmSync(folder, { recursive: true, force: true });
});

describe('runCli()', () => {
  it('lists pods as a table, as ids and as JSON', async () => {
    await serve({ listPodSandbox: () => ({ items: [POD] }) });
    const rows = (await davit('pods')).stdout.split('\n');
    expect(rows[0]).toMatch(/^POD ID +AGE +STATE +NAME +NAMESPACE +ATTEMPT +RUNTIME$/);
    expect(rows[1]).toMatch(/^0123456789abc +\d+d\S* +Ready +web +default +2 +\(default\)$/);
    expect((await davit('pods', '-q')).stdout).toBe(`${POD.id}\n`);
    expect(JSON.parse((await davit('pods', '-o', 'json')).stdout)).toMatchObject({
      items: [{ state: 'SANDBOX_READY' }],
    });
  });

  it('asks for running containers, and for all with -a', async () => {
    const asked: unknown[] = [];
    await serve({
      listPodSandbox: () => ({ items: [POD] }),
      listContainers: (request) => {
        asked.push(request.filter?.state?.state, request.filter?.labelSelector);
        return { containers: [CONTAINER] };
      },
    });
    const { stdout } = await davit('ps', '--label', 'a=b');
    await davit('ps', '-a');
    expect(asked).toEqual([ContainerState.CONTAINER_RUNNING, { a: 'b' }, undefined, {}]);
    expect(stdout.split('\n')[1]).toMatch(
      /^fedcba9876543 +busybox:latest +\d+d\S* +Running +main +0 +0123456789abc +web$/,
    );
  });

  it('shows each tag of an image', async () => {
    await serve({}, { listImages: () => ({ images: [IMAGE, { ...IMAGE, repoTags: [] }] }) });
    const rows = (await davit('images')).stdout.split('\n').map((row) => row.split(/ {3,}/));
    expect(rows.slice(1, 4)).toEqual([
      ['docker.io/library/a', '1', 'abababababaab', '4.26MB'],
      ['localhost:5000/b', '2', 'abababababaab', '4.26MB'],
      ['docker.io/library/a', '<none>', 'abababababaab', '4.26MB'],
    ]);
  });

  it('prints the output of a container to the streams that it came from', async () => {
    const logPath = join(folder, 'c.log');
    writeFileSync(
      logPath,
      [line('stdout', 'P', 'a'), line('stdout', 'F', 'b'), 'x\n', line('stderr', 'F', 'c')].join(''),
    );
    const state = ContainerState.CONTAINER_EXITED;
    await serve({ containerStatus: () => ({ status: { logPath, state } }) });
    const noise = `davit: 1 lines of ${logPath} are no log entries and were left out\n`;
    expect(await davit('logs', 'x')).toEqual({ code: 0, stdout: 'ab\n', stderr: `c\n${noise}` });
    expect(await davit('logs', '-f', '-t', '--tail', '1', 'x')).toMatchObject({ stderr: '2026-01-01T00:00:00.1Z c\n' });
    expect((await davit('logs', '--tail=1', '-o', 'json', 'x')).stdout).toBe(
      '{"time":"2026-01-01T00:00:00.1Z","stream":"stderr","partial":false,"content":"c"}\n',
    );
  });

  it('runs a command, prints its outputs and ends as it did', async () => {
    const asked: unknown[] = [];
    await serve({
      execSync: (request) => {
        asked.push(request.containerId, request.cmd, request.timeout.toNumber());
        return { stdout: Buffer.from('o\n'), stderr: Buffer.from('e\n'), exitCode: 3 };
      },
    });
    const ran = await davit('exec', '--timeout', '5', '--', 'x', 'ls', '-l');
    expect(ran).toEqual({ code: 3, stdout: 'o\n', stderr: 'e\n' });
    expect(asked).toEqual(['x', ['ls', '-l'], 5]);
    expect(await davit('exec', 'x')).toMatchObject({ code: 2 });
  });

  it('inspects a pod where no container has the id', async () => {
    await serve({
      containerStatus: () => fail(status.NOT_FOUND, 'no container'),
      podSandboxStatus: () => ({ status: { id: POD.id }, info: { info: '{"pid":7}', text: 'plain' } }),
    });
    const { stdout } = await davit('inspect', '0123');
    expect(JSON.parse(stdout)).toMatchObject({ status: { id: POD.id }, info: { info: { pid: 7 }, text: 'plain' } });
  });

  it('runs a pod and a container from files', async () => {
    const asked: unknown[] = [];
    await serve({
      runPodSandbox: (request) => {
        asked.push(request.config?.metadata?.name, request.runtimeHandler);
        return { podSandboxId: 'p' };
      },
      createContainer: (request) => {
        asked.push(request.podSandboxId, request.config?.image?.image, request.sandboxConfig?.metadata?.name);
        return { containerId: 'c' };
      },
    });
    const pod = file('pod.json', { metadata: { name: 'web' } });
    const container = file('c.json', { image: { image: 'busybox' } });
    expect((await davit('runp', '--runtime', 'kata', pod)).stdout).toBe('p\n');
    expect((await davit('create', 'p', container, pod)).stdout).toBe('c\n');
    expect(asked).toEqual(['web', 'kata', 'p', 'busybox', 'web']);
  });

  it('stops with the grace that is asked for, and ends at the first failure', async () => {
    const asked: unknown[] = [];
    await serve({
      containerStatus: () => ({ status: { id: 'a' } }),
      stopContainer: (request) => {
        asked.push([request.containerId, request.timeout.toNumber()]);
        return request.containerId === 'b' ? fail(status.INTERNAL, 'shim is gone\nfor good') : {};
      },
    });
    expect(await davit('stop', '--grace', '3', 'a', 'b', 'c')).toEqual({
      code: 1,
      stdout: 'a\n',
      stderr: 'davit: INTERNAL: shim is gone\uFFFDfor good\n',
    });
    expect(asked).toEqual([
      ['a', 3],
      ['b', 3],
    ]);
  });

  it.each(['stop', 'rm', 'stopp', 'rmp'])('%s refuses an id that nothing has', async (command) => {
    const gone = fail(status.NOT_FOUND, 'not found');
    await serve({ containerStatus: () => gone, podSandboxStatus: () => gone });
    expect(await davit(command, 'x')).toEqual({ code: 1, stdout: '', stderr: 'davit: NOT_FOUND: not found\n' });
  });

  it('shows the conditions of the node', async () => {
    const conditions = [{ type: 'NetworkReady', status: false, reason: 'NoConfig', message: 'no file' }];
    await serve({ status: () => ({ status: { conditions }, runtimeHandlers: [{ name: '' }, { name: 'runc' }] }) });
    const { stdout } = await davit('info');
    expect(stdout).toMatch(/NetworkReady +NO +NoConfig +no file/);
    expect(stdout).toMatch(/\(default\)\nrunc\n/);
  });

  it('says in one line that nobody answers', async () => {
    const { code, stderr } = await davit('pods');
    expect(code).toBe(1);
    expect(stderr).toBe(`davit: UNAVAILABLE: nothing answers on ${socket} (ENOENT): is davitd running?\n`);
  });

  it('tells a server that is not ready from none', async () => {
    await serve({ listPodSandbox: () => fail(status.UNAVAILABLE, 'containerd is away') });
    expect((await davit('pods')).stderr).toBe('davit: UNAVAILABLE: containerd is away\n');
  });

  it('gives up a call after the time that is allowed', async () => {
    await serve({ version: () => undefined });
    expect((await davit('version', '--timeout', '1')).stderr).toMatch(/^davit: DEADLINE_EXCEEDED: .*\n$/);
  });

  it('ends with 2 when it is used wrongly', async () => {
    expect(await davit('pods', '-o', 'yaml')).toMatchObject({
      code: 2,
      stderr: 'davit: --output must be table or json, got "yaml"\n',
    });
    expect(await davit()).toMatchObject({ code: 2 });
    expect(await davit('runp', '/no/such/file')).toMatchObject({ code: 2 });
    expect(await davit('runp', file('a.json', []))).toMatchObject({ code: 2 });
  });

  it('prints help without a server', async () => {
    expect((await davit('--help')).stdout).toContain('logs ID');
    expect((await davit('logs', '--help')).stdout).toContain('--follow');
  });
});

const POD = {
  id: '0123456789abcdef',
  metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 2 },
  state: PodSandboxState.SANDBOX_READY,
  createdAt: Long.fromString('1700000000000000000'),
};

const CONTAINER = {
  id: 'fedcba9876543210',
  podSandboxId: POD.id,
  metadata: { name: 'main', attempt: 0 },
  image: { image: 'sha256:ab', userSpecifiedImage: 'busybox:latest' },
  state: ContainerState.CONTAINER_RUNNING,
  createdAt: POD.createdAt,
};

const IMAGE = {
  id: 'sha256:abababababaabbababa',
  repoTags: ['docker.io/library/a:1', 'localhost:5000/b:2'],
  repoDigests: ['docker.io/library/a@sha256:cd'],
  size: Long.fromNumber(4_261_234),
};

class Refusal {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    this.code = code;
    this.details = details;
  }
}

function fail(code: status, details: string): Refusal {
  return new Refusal(code, details);
}

type Methods<S> = {
  readonly [N in keyof S]?: S[N] extends {
    requestDeserialize: (bytes: Buffer) => infer Req;
    responseSerialize: (reply: infer Res) => Buffer;
  }
    ? (request: Req) => Res | Refusal | undefined
    : never;
};

/** A CRI server with these methods alone; one that answers undefined never answers. */
async function serve(runtime: Methods<typeof RuntimeService>, image: Methods<typeof ImageService> = {}): Promise<void> {
  server.addService(RuntimeService, handlers(runtime));
  server.addService(ImageService, handlers(image));
  await new Promise<void>((resolve, reject) => {
    const done = (error: Error | null) => (error === null ? resolve() : reject(error));
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), done);
  });
}

function handlers(methods: object): Record<string, UntypedHandleCall> {
  const entries = Object.entries(methods as Record<string, (request: unknown) => unknown>);
  return Object.fromEntries(
    entries.map(([name, answer]): [string, UntypedHandleCall] => [
      name,
      (call: { request: unknown }, done: (error: object | null, reply?: unknown) => void) => {
        const reply = answer(call.request);
        if (reply instanceof Refusal) done({ code: reply.code, details: reply.details });
        else if (reply !== undefined) done(null, reply);
      },
    ]),
  );
}

async function davit(...argv: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const code = await runCli(argv, {
    stdout: { write: (text) => (stdout += Buffer.from(text).toString()) },
    stderr: { write: (text) => (stderr += Buffer.from(text).toString()) },
    env: { CONTAINER_RUNTIME_ENDPOINT: `unix://${socket}` },
    connect: createClient,
    terminal: new FakeTerminal(false),
  });
  return { code, stdout, stderr };
}

function file(name: string, json: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(json));
  return path;
}

function line(stream: string, tag: string, text: string): string {
  return `2026-01-01T00:00:00.1Z ${stream} ${tag} ${text}\n`;
}
