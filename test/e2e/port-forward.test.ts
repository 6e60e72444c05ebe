import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spdyClient } from '../../src/cri/streaming/test-harness.ts';
import { connectCri } from './support/cri-client.ts';
import { Pod, crictlJson, eventually, mustCrictl, nodeEnv } from './support/node.ts';
import { Terminal } from './support/terminal.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = 200 * MIB;
const NODE_NETWORK = 2;
/** Ports in the pod: each sends back what it gets. One listens on IPv4 alone, one on IPv6 alone. */
const FOUR = 7004;
const SIX = 7006;
/** Nobody listens here. */
const REFUSED = 7999;

const ECHO = `
  const [address, port] = process.argv.slice(1);
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).pipe(socket);
  });
  server.listen(Number(port), address, () => console.log('listening'));
`;

/** What listens on a pod's localhost, in its network namespace: it sends back what it gets, to each its own. */
class EchoServer implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(podId: string, address: string, port: number): Promise<EchoServer> {
    const { info } = await crictlJson<{ info: { netNamespace: string } }>('inspectp', podId);
    const args = [`--net=${info.netNamespace}`, process.execPath, '-e', ECHO, address, String(port)];
    const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return new EchoServer(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

let pod: Pod;
let large: Buffer;
let servers: readonly EchoServer[];

beforeAll(async () => {
  large = randomBytes(LARGE_BYTES);
  pod = await Pod.run('port-forward');
  servers = [await EchoServer.start(pod.id, '127.0.0.1', FOUR), await EchoServer.start(pod.id, '::1', SIX)];
});

afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  await pod[Symbol.asyncDispose]();
});

/** A crictl that forwards one port; `said` is what it has printed as its errors. */
class Forwarder implements AsyncDisposable {
  readonly port: number;
  readonly ended: Promise<unknown>;
  said = '';
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.ended = once(child, 'exit');
    child.stderr?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
  }

  static async start(transport: string, podId: string, port: number): Promise<Forwarder> {
    const child = spawn('crictl', ['port-forward', '--transport', transport, podId, `0:${port}`], { env: nodeEnv() });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const local = await eventually('a forwarded port', () =>
      Promise.resolve(/Forwarding from 127\.0\.0\.1:(\d+)/.exec(printed)?.[1]),
    );
    return new Forwarder(child, Number(local));
  }

  async connect(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.port, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  /** What comes back for what is sent. */
  async ask(question: string): Promise<string> {
    const socket = await this.connect();
    socket.end(question);
    return await text(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGINT');
    await this.ended;
  }
}

describe.each(['spdy', 'websocket'])('crictl port-forward over %s', (transport) => {
  it.each([
    ['IPv4', FOUR],
    ['IPv6', SIX],
  ])("reaches what listens on the pod's %s localhost", async (_, port) => {
    await using forwarder = await Forwarder.start(transport, pod.id, port);
    expect(await forwarder.ask('hello')).toBe('hello');
  });

  it('carries 100 connections at once, each by itself', async () => {
    await using forwarder = await Forwarder.start(transport, pod.id, FOUR);
    const sockets = await Promise.all(Array.from({ length: 100 }, () => forwarder.connect()));
    // All are open before the first one ends.
    for (const [n, socket] of sockets.entries()) socket.write(`${n}`);
    await Promise.all(sockets.map((socket) => once(socket, 'readable')));
    const answers = sockets.map(async (socket) => await text(socket));
    for (const socket of sockets) socket.end(' and more');
    expect(await Promise.all(answers)).toEqual(sockets.map((_socket, n) => `${n} and more`));
  });

  it('carries 200 MiB there and back, byte for byte', async () => {
    await using forwarder = await Forwarder.start(transport, pod.id, FOUR);
    const socket = await forwarder.connect();
    const hash = createHash('sha256');
    socket.end(large);
    for await (const chunk of socket) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
  });

  it('names a port that nobody listens on, and other sessions go on', async () => {
    await using other = await Forwarder.start(transport, pod.id, FOUR);
    const open = await other.connect();
    const refused = await Forwarder.start(transport, pod.id, REFUSED);
    expect(await refused.ask('hello')).toBe('');
    // crictl itself takes the refusal for the end of all that it forwards.
    await refused.ended;
    expect(refused.said).toContain(`port ${REFUSED} of pod ${pod.id}`);
    open.end('still here');
    expect(await text(open)).toBe('still here');
  });
});

describe('port forward', () => {
  it("reaches the node's localhost for a pod on the host network", async () => {
    const server = createServer((socket) => socket.end('the node'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const linux = { security_context: { namespace_options: { network: NODE_NETWORK } } };
    await using hostPod = await Pod.run('port-forward-host', { linux });
    await using forwarder = await Forwarder.start('spdy', hostPod.id, port);
    expect(await forwarder.ask('who?')).toBe('the node');
    server.close();
  });

  it('ends only the connection whose port is refused, for a client that goes on', async () => {
    using cri = connectCri();
    const { url } = await cri.call<{ url: string }>('PortForward', { podSandboxId: pod.id });
    const client = await spdyClient(url, 'portforward.k8s.io');
    const dial = async (port: number, requestid: string): Promise<{ error: number; data: number }> => {
      const headers = { port: String(port), requestid };
      const error = await client.open({ streamtype: 'error', ...headers });
      const data = await client.open({ streamtype: 'data', ...headers });
      return { error, data };
    };
    const good = await dial(FOUR, '1');
    const refused = await dial(REFUSED, '2');
    await client.until(() => client.stream(refused.error).isFinished);
    expect(client.text(refused.error)).toMatch(new RegExp(`^port ${REFUSED} of pod ${pod.id}: .*refused`, 'i'));
    client.send(good.data, 'still here', true);
    await client.until(() => client.stream(good.data).isFinished);
    expect(client.text(good.data)).toBe('still here');
    client.transport.destroy();
  });

  it('ends at Ctrl-C in a terminal', async () => {
    await using terminal = await Terminal.run(['crictl', 'port-forward', pod.id, `0:${FOUR}`]);
    const [, port] = await terminal.shows(/Forwarding from 127\.0\.0\.1:(\d+)/);
    const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
    socket.end('hello');
    expect(await text(socket)).toBe('hello');
    await terminal.press('C-c');
    expect(await terminal.ended()).toBe(0);
  });

  it('tells a pod that has stopped', async () => {
    await using short = await Pod.run('port-forward-short');
    await using server = await EchoServer.start(short.id, '127.0.0.1', FOUR);
    await using forwarder = await Forwarder.start('spdy', short.id, FOUR);
    const socket = await forwarder.connect();
    socket.write('hello');
    await once(socket, 'data');
    const ended = once(socket.resume(), 'end'); // it may come before the server is known to be gone
    await server[Symbol.asyncDispose]();
    await ended;
    await mustCrictl('stopp', short.id);
    expect(await forwarder.ask('anybody?')).toBe('');
  });
});
