import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { anExec, harness, spdyClient, spdyCommand, webSocketCommand } from './test-harness.ts';

const MIB = 1024 * 1024;
const STREAMS = ['error', 'stdin', 'stdout', 'stderr'];

/** A client of either carrier. */
interface Client {
  send(data: string | Buffer): void;
  endInput(): void;
  resize(json: string): void;
  vanish(): void;
  /** Bytes that the server has not taken yet, and the kernel neither. */
  unsent(): number;
  stdout(): string;
  stderr(): string;
  status(): unknown;
  /** The server has hung up, and the client does too. */
  ended(): Promise<void>;
}

type Connect = (url: string, tty?: boolean) => Promise<Client>;

const overSpdy: Connect = async (url, tty = false) => {
  const types = tty ? ['error', 'stdin', 'stdout', 'resize'] : STREAMS;
  const { client, id, text: textOf } = await spdyCommand(url, types);
  return {
    send: (data) => client.send(id('stdin'), data),
    endInput: () => client.send(id('stdin'), '', true),
    resize: (json) => client.send(id('resize'), json),
    vanish: () => client.transport.destroy(),
    unsent: () => client.transport.writableLength,
    stdout: () => textOf('stdout'),
    stderr: () => textOf('stderr'),
    status: () => JSON.parse(textOf('error')) as unknown,
    ended: async () => {
      await client.until(() => client.isHungUp);
      client.transport.end();
    },
  };
};

const overWebSocket: Connect = async (url) => {
  const client = await webSocketCommand(url, ['v5.channel.k8s.io']);
  return {
    send: (data) => client.send(0, data),
    endInput: () => client.send(255, Buffer.of(0)),
    resize: (json) => client.send(4, json),
    vanish: () => client.socket.terminate(),
    unsent: () => client.socket.bufferedAmount,
    stdout: () => client.text(1),
    stderr: () => client.text(2),
    status: () => JSON.parse(client.text(3)) as unknown,
    ended: async () => void (await client.closed),
  };
};

describe.each([
  ['SPDY', overSpdy],
  ['WebSocket', overWebSocket],
] as const)('exec over %s', (_, connect) => {
  it('carries input, both outputs and the exit code', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec({ cmd: ['tr', 'a', 'b'] })));
    const process = await h.targets.next();
    expect(h.targets.requests).toMatchObject([{ containerId: 'c1', cmd: ['tr', 'a', 'b'] }]);
    client.send('in');
    client.send('put');
    client.endInput();
    expect(await text(process.input)).toBe('input');
    process.output.write('out');
    process.errors.write('err');
    process.end(42);
    await client.ended();
    expect([client.stdout(), client.stderr()]).toEqual(['out', 'err']);
    expect(client.status()).toEqual({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with exit code 42',
      details: { causes: [{ reason: 'ExitCode', message: '42' }] },
    });
    await process.disposed;
  });

  it('says success for exit code 0', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    (await h.targets.next()).end(0);
    await client.ended();
    expect(client.status()).toEqual({ status: 'Success' });
  });

  it('says why a command cannot be started', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec({ cmd: ['/missing'] })));
    await client.ended();
    expect(client.status()).toMatchObject({ status: 'Failure', message: 'exec: /missing: no such file' });
  });

  it('starts the process with the size of the terminal, and tells it of each other one', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec({ tty: true, stderr: false })), true);
    client.resize('{"Width":100,"Height":30}\n');
    const process = await h.targets.next();
    expect(h.targets.requests).toMatchObject([{ size: { width: 100, height: 30 } }]);
    client.resize('{"Width":77,"Height":22}\n');
    await until(() => process.sizes.length > 0);
    process.end(0);
    await client.ended();
    expect(process.sizes).toEqual(['77x22']);
  });

  it('waits not for ever for the size of a terminal', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec({ tty: true, stderr: false })), true);
    const process = await h.targets.next();
    expect(h.targets.requests[0]).not.toHaveProperty('size');
    client.resize('{"Width":77,"Height":22}\n');
    await until(() => process.sizes.length > 0);
    process.end(0);
    await client.ended();
    expect(process.sizes).toEqual(['77x22']);
  });

  it('tells a container that is attached to of the size at once', async () => {
    await using h = await harness();
    const client = await connect(h.server.getAttach(anExec({ tty: true, stderr: false })), true);
    client.resize('{"Width":100,"Height":30}\n');
    const process = await h.targets.next();
    await until(() => process.sizes.length > 0);
    process.end(0);
    await client.ended();
    expect(process.sizes).toEqual(['100x30']);
  });

  it('goes on with a process that closes its input', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    process.input.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    // More than any buffer on the way takes: it must be read and thrown away.
    for (let n = 0; n < 12; n++) client.send(Buffer.alloc(MIB));
    client.endInput();
    await until(() => client.unsent() === 0);
    process.output.write('still here');
    process.end(0);
    await client.ended();
    expect(client.stdout()).toBe('still here');
  });

  it('lets a process outlive its input', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    client.endInput();
    await text(process.input);
    process.output.write('later');
    process.end(0);
    await client.ended();
    expect(client.stdout()).toBe('later');
  });

  it('disposes of the process of a client that vanishes, without ending its input', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    let hasEnded = false;
    process.input.on('end', () => (hasEnded = true)).resume();
    client.vanish();
    await process.disposed;
    expect(hasEnded).toBe(false);
    await until(() => h.server.sessions === 0);
  });

  it('disposes of a process that was started for a client that has gone', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec({ cmd: ['/never'] })));
    client.vanish();
    const process = await h.targets.next();
    await process.disposed;
    expect(process.isDisposed).toBe(true);
  });

  it('tells an idle client why it is sent away, and disposes of the process', async () => {
    await using h = await harness({ idleTimeoutMs: 50 });
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    await client.ended();
    expect(client.status()).toMatchObject({ message: 'the session was ended after 0.05 s without data' });
    await process.disposed;
  });

  it('tells the client that the server stops', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    const closed = h.server.close();
    await client.ended();
    expect(client.status()).toMatchObject({ message: 'davitd is stopping' });
    await process.disposed;
    await closed;
  });

  it('lets the sessions end before it stops', async () => {
    await using h = await harness({}, { drainMs: 60_000 });
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    const closed = h.server.close();
    expect(() => h.server.getExec(anExec())).toThrow(/does not listen/);
    process.output.write('to the end');
    process.end(0);
    await client.ended();
    await closed;
    expect(client.stdout()).toBe('to the end');
  });

  it('carries 4 MiB each way at once', async () => {
    await using h = await harness();
    const client = await connect(h.server.getExec(anExec()));
    const process = await h.targets.next();
    const chunk = Buffer.alloc(64 * 1024, 'z');
    let received = 0;
    process.input.on('data', (piece: Buffer) => (received += piece.length));
    const inputEnded = once(process.input, 'end');
    for (let n = 0; n < 64; n++) client.send(chunk);
    client.endInput();
    for (let n = 0; n < 64; n++) if (!process.output.write(chunk)) await once(process.output, 'drain');
    await inputEnded;
    process.end(0);
    await client.ended();
    expect([received, client.stdout().length]).toEqual([4 * MIB, 4 * MIB]);
  });

  it('attaches, and says success whatever the exit code', async () => {
    await using h = await harness();
    const client = await connect(h.server.getAttach(anExec()));
    const process = await h.targets.next();
    process.output.write('hello');
    process.end(3);
    await client.ended();
    expect([client.stdout(), client.status()]).toEqual(['hello', { status: 'Success' }]);
  });
});

describe('remotecommand over SPDY', () => {
  it.each(['v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'])(
    '%s gets a text for a failure',
    async (version) => {
      await using h = await harness();
      const { client, text: textOf } = await spdyCommand(h.server.getExec(anExec()), STREAMS, version);
      (await h.targets.next()).end(42);
      await client.until(() => client.isHungUp);
      expect(textOf('error')).toBe('command terminated with exit code 42');
    },
  );

  it.each(['v3.channel.k8s.io', 'channel.k8s.io'])('%s gets nothing for a success', async (version) => {
    await using h = await harness();
    const { client, text: textOf } = await spdyCommand(h.server.getExec(anExec()), STREAMS, version);
    (await h.targets.next()).end(0);
    await client.until(() => client.isHungUp);
    expect(textOf('error')).toBe('');
  });

  it('waits for no resize stream where the version has none', async () => {
    await using h = await harness();
    const asked = anExec({ tty: true, stderr: false });
    await spdyCommand(h.server.getExec(asked), ['error', 'stdin', 'stdout'], 'v2.channel.k8s.io');
    await h.targets.next();
    expect(h.targets.requests).toHaveLength(1);
  });

  it('starts nothing for a client that does not open its streams in time', async () => {
    await using h = await harness({ creationTimeoutMs: 50 });
    const { client } = await spdyCommand(h.server.getExec(anExec()), ['error']);
    await client.until(() => client.isHungUp);
    await until(() => h.lines.some(({ message }) => message === 'exec did not come about'));
    expect(h.targets.requests).toEqual([]);
  });

  it('refuses streams of no known type and a second of one type', async () => {
    await using h = await harness();
    const client = await spdyClient(h.server.getExec(anExec()));
    await client.open({ streamtype: 'error' });
    const [twice, unknown] = [await client.open({ streamtype: 'error' }), await client.open({ streamtype: 'x' })];
    await client.until(() => [twice, unknown].every((id) => client.stream(id).reset !== undefined));
    expect(client.stream(twice).isReplied).toBe(false);
  });
});

describe('remotecommand over WebSocket', () => {
  it.each<[string, string[], boolean]>([
    ['v4.base64.channel.k8s.io', ['v4.base64.channel.k8s.io'], true],
    ['base64.channel.k8s.io', ['base64.channel.k8s.io'], true],
    ['v4.channel.k8s.io', ['v4.channel.k8s.io'], false],
    ['channel.k8s.io', ['channel.k8s.io'], false],
    ['no protocol', [], false],
  ])('speaks %s', async (name, protocols, isText) => {
    await using h = await harness();
    const client = await webSocketCommand(h.server.getExec(anExec()), protocols, isText);
    const process = await h.targets.next();
    client.send(0, 'in');
    const [chunk] = (await once(process.input, 'data')) as [Buffer];
    process.output.write('out');
    process.end(7);
    expect(await client.closed).toBe(1000);
    expect([chunk.toString(), client.text(1)]).toEqual(['in', 'out']);
    const isJson = client.text(3).startsWith('{"status":"Failure"');
    expect(isJson).toBe(name.startsWith('v4'));
    expect(client.text(3)).toContain('command terminated with exit code 7');
  });

  it('prefers what the client prefers', async () => {
    await using h = await harness();
    const url = h.server.getExec(anExec());
    const { socket } = await webSocketCommand(url, ['v9.channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io']);
    expect(socket.protocol).toBe('v4.channel.k8s.io');
  });

  it('says with an empty message that the session has begun', async () => {
    await using h = await harness();
    const client = await webSocketCommand(h.server.getExec(anExec()), ['v5.channel.k8s.io']);
    await until(() => client.messages(1) === 1);
    expect(client.text(1)).toBe('');
  });

  it('knows no half close before the fifth version', async () => {
    await using h = await harness();
    const client = await webSocketCommand(h.server.getExec(anExec()), ['v4.channel.k8s.io']);
    const process = await h.targets.next();
    client.send(255, Buffer.of(0));
    client.send(0, 'still open');
    const [chunk] = (await once(process.input, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('still open');
  });

  it('passes over channels that nobody asked for, and empty messages', async () => {
    await using h = await harness();
    const client = await webSocketCommand(h.server.getExec(anExec({ stdin: false })), ['v5.channel.k8s.io']);
    const process = await h.targets.next();
    client.socket.send(Buffer.alloc(0));
    for (const channel of [0, 1, 3, 4, 9, 255]) client.send(channel, Buffer.of(200));
    client.socket.ping();
    await once(client.socket, 'pong');
    process.end(0);
    expect(await client.closed).toBe(1000);
  });

  it('does not read on while a process takes no input', async () => {
    await using h = await harness();
    const client = await webSocketCommand(h.server.getExec(anExec()), ['v5.channel.k8s.io']);
    const process = await h.targets.next();
    for (let n = 0; n < 256; n++) client.send(0, Buffer.alloc(64 * 1024));
    await until(() => client.socket.bufferedAmount > 4 * MIB && process.input.writableNeedDrain);
    let received = 0;
    process.input.on('data', (piece: Buffer) => (received += piece.length));
    await until(() => received >= 16 * MIB);
    expect(received).toBe(16 * MIB);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
