import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Metadata, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCollector } from '../../src/telemetry/traces/fake-collector.ts';
import type { ReceivedSpan } from '../../src/telemetry/traces/fake-collector.ts';
import { Daemon } from './support/daemon.ts';
import { freePort } from './support/free-port.ts';
import { BUSYBOX, eventually, nodeEnv } from './support/node.ts';

const CERTS = (): string => `/run/davit-${nodeEnv()['DAVIT_NODE']}/certs.d`;
const PROTO = fileURLToPath(new URL('../../proto/cri/api.proto', import.meta.url));
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const WATCHDOG_MICROS = '3000000';

/** Prints each datagram that comes to a unix socket as a line of JSON. */
const LISTENER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps('bound'), flush=True)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** What a service manager hears. */
class Manager implements Disposable {
  readonly heard: string[] = [];
  readonly socket: string;
  readonly #process: ReturnType<typeof spawn>;

  constructor(socket: string) {
    this.socket = socket;
    this.#process = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#process.stdout === null) throw new Error('no output of the listener');
    createInterface(this.#process.stdout).on('line', (line) => this.heard.push(JSON.parse(line) as string));
  }

  async hears(what: string): Promise<void> {
    await eventually(`${what} on the manager's socket`, async () =>
      this.heard.some((message) => message.includes(what)) ? true : undefined,
    );
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}

let traces: FakeCollector;
let manager: Manager;
let metrics: string;
let daemon: Daemon;

beforeAll(async () => {
  traces = await FakeCollector.http();
  manager = new Manager(`/run/dvt-notify-${process.pid}`);
  await manager.hears('bound');
  metrics = `127.0.0.1:${await freePort()}`;
  const { CONTAINERD_ADDRESS = '' } = nodeEnv();
  daemon = await Daemon.start(
    [
      `--containerd-address=${CONTAINERD_ADDRESS}`,
      '--containerd-namespace=telemetry',
      `--registry-config-path=${CERTS()}`,
      `--metrics-address=${metrics}`,
      '--builtin-network',
      '--log-level=debug',
    ],
    {
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint,
        OTEL_BSP_SCHEDULE_DELAY: '200',
        NOTIFY_SOCKET: manager.socket,
        WATCHDOG_USEC: WATCHDOG_MICROS,
      },
    },
  );
  await daemon.mustCrictl('pull', BUSYBOX);
});

afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  manager?.[Symbol.dispose]();
  await traces?.[Symbol.asyncDispose]();
});

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

async function logLines(): Promise<readonly Line[]> {
  const text = await readFile(join(daemon.dir, 'davitd.log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}

/** RunPodSandbox as a kubelet that traces calls it. */
async function runPod(name: string): Promise<string> {
  const loaded = loadPackageDefinition(loadSync(PROTO, { longs: String })) as unknown as {
    runtime: { v1: { RuntimeService: new (address: string, creds: unknown, options: object) => Client } };
  };
  const client = new loaded.runtime.v1.RuntimeService(daemon.endpoint, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
  });
  const metadata = new Metadata();
  metadata.set('traceparent', `00-${TRACE}-${PARENT}-01`);
  const config = { metadata: { name, uid: `uid-${name}`, namespace: 'default' }, linux: {} };
  const stub = client as unknown as {
    RunPodSandbox(
      request: object,
      metadata: Metadata,
      callback: (error: Error | null, reply: { podSandboxId: string }) => void,
    ): void;
  };
  try {
    return await new Promise((resolve, reject) => {
      stub.RunPodSandbox({ config }, metadata, (error, reply) =>
        error === null ? resolve(reply.podSandboxId) : reject(error),
      );
    });
  } finally {
    client.close();
  }
}

describe('a service manager', () => {
  it('hears that davitd serves, and signs of life', async () => {
    await manager.hears(`READY=1\nMAINPID=${daemon.pid}`);
    await manager.hears('STATUS=ready');
    await manager.hears('WATCHDOG=1');
    const { stdout } = await daemon.crictl('info');
    expect(stdout).toContain('RuntimeReady');
    expect(await readFile(`/proc/${daemon.pid}/environ`, 'utf8')).toContain('NOTIFY_SOCKET');
  });
});

describe('the metrics address', () => {
  it('says that davitd lives and is ready', async () => {
    expect((await fetch(`http://${metrics}/healthz`)).status).toBe(200);
    expect((await fetch(`http://${metrics}/readyz`)).status).toBe(200);
  });

  it('counts what has happened', async () => {
    const id = await runPod('counted');
    await daemon.mustCrictl('stopp', id);
    const body = await (await fetch(`http://${metrics}/metrics`)).text();
    const value = (series: string): number => {
      const line = body.split('\n').find((each) => each.startsWith(`${series} `));
      if (line === undefined) throw new Error(`no ${series} among the metrics`);
      return Number(line.slice(series.length));
    };
    for (const action of ['run-sandbox', 'stop-sandbox', 'cni-add', 'cni-del', 'restore', 'pull-image']) {
      expect(value(`davit_engine_action_duration_seconds_count{action="${action}"}`)).toBeGreaterThan(0);
    }
    expect(value('davit_image_pull_duration_seconds_count')).toBe(1);
    expect(value('davit_image_pulls_in_flight')).toBe(0);
    expect(value('davit_containerd_up')).toBe(1);
    expect(value('davit_condition{condition="RuntimeReady"}')).toBe(1);
    expect(value('davit_engine_memory_bytes')).toBeGreaterThan(0);
    expect(value('process_open_fds')).toBeGreaterThan(0);
    expect(value('nodejs_heap_size_used_bytes')).toBeGreaterThan(0);
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(body).toMatch(/davit_engine_info\{version="[^"]+",containerd="[^"]+",kernel="[^"]+"/);
  });
});

describe('traces', () => {
  it("go from the kubelet's call over the engine's steps to calls of containerd", async () => {
    const id = await runPod('traced');
    const all = await eventually('the spans of RunPodSandbox', async () => {
      const found = traces.spans.filter(({ traceId }) => traceId === TRACE);
      const roots = found.filter(({ name }) => name.endsWith('/RunPodSandbox'));
      return roots.length > 0 && traces.spans.some(isOf(id)) ? found : undefined;
    });
    const root = all.findLast(({ name }) => name === 'runtime.v1.RuntimeService/RunPodSandbox');
    expect(root?.parentSpanId).toBe(PARENT);
    const below = (span: ReceivedSpan | undefined) => all.filter(({ parentSpanId }) => parentSpanId === span?.spanId);
    const [action] = below(root);
    expect(action?.name).toBe('run-sandbox');
    const steps = below(action).map(({ name }) => name);
    expect(steps).toContain('run-sandbox/create-namespaces');
    expect(steps).toContain('run-sandbox/attach-network');
    await daemon.mustCrictl('stopp', id);
    // crictl sends no trace: each of its calls begins one.
    // A span is told of when it has ended: what it is part of comes after it.
    const calls = await eventually('calls of containerd, and all that they are part of', async () => {
      const found = traces.spans.filter(({ name }) => /^(Images|Content|Snapshots|Leases|Tasks)\./.test(name));
      const known = new Set(traces.spans.map(({ spanId }) => spanId));
      return found.length > 0 && found.every(({ parentSpanId }) => known.has(parentSpanId)) ? found : undefined;
    });
    expect(calls.length).toBeGreaterThan(0);
  });
});

describe("davitd's log", () => {
  it('says of every line of a call which it is, and what it is about', async () => {
    const id = await runPod('logged');
    await daemon.mustCrictl('stopp', id);
    const lines = await logLines();
    const call = lines.find(({ msg, pod }) => msg === 'RunPodSandbox' && pod === 'default/logged')?.['call'];
    expect(call).toBeGreaterThan(0);
    const own = lines.filter((line) => line['call'] === call && line['method'] === 'RunPodSandbox');
    expect(own.length).toBeGreaterThan(5);
    expect(own.filter(({ pod }) => pod !== 'default/logged')).toEqual([]);
    expect(own.filter(({ msg }) => msg === 'step done').map(({ step }) => step)).toContain('attach-network');
    // Of an id alone, too.
    expect(lines.find(({ msg, sandbox }) => msg === 'StopPodSandbox' && sandbox === id)).toMatchObject({
      pod: 'default/logged',
    });
  });

  it('has no secrets', async () => {
    await daemon.crictl('pull', '--creds', 'someone:s3cr3t-word', '127.0.0.1:1/none/such:1');
    const text = await readFile(join(daemon.dir, 'davitd.log'), 'utf8');
    expect(text).toContain('none/such');
    expect(text).not.toContain('s3cr3t-word');
    expect(text).not.toContain(Buffer.from('someone:s3cr3t-word').toString('base64'));
  });
});

function isOf(sandbox: string) {
  return ({ attributes }: ReceivedSpan): boolean => Object.values(attributes).includes(sandbox);
}
