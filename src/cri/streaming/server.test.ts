import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { anExec, harness, spdyCommand, upgrade } from './test-harness.ts';

const SPDY = { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };

describe('createStreamingServer()', () => {
  it('hands out URLs of the loopback that are all different', async () => {
    await using h = await harness();
    const urls = [
      h.server.getExec(anExec()),
      h.server.getAttach(anExec()),
      h.server.getPortForward({ sandboxId: 'p' }),
    ];
    const pattern = /^http:\/\/127\.0\.0\.1:\d+\/(exec|attach|portforward)\/[\w-]{22,}$/;
    for (const url of urls) expect(url).toMatch(pattern);
    expect(new Set(urls).size).toBe(3);
  });

  it('serves a URL once', async () => {
    await using h = await harness();
    const url = h.server.getExec(anExec());
    await spdyCommand(url, []);
    expect(await upgrade(url, SPDY)).toMatchObject({ status: 404 });
  });

  it.each(['/exec/nothing', '/portforward/x', '/', '/exec/', '/exec/a/b', '/%2e%2e/exec/x'])(
    'knows nothing at %s',
    async (path) => {
      await using h = await harness();
      const { origin } = new URL(h.server.getExec(anExec()));
      expect(await upgrade(origin + path, SPDY)).toMatchObject({ status: 404 });
    },
  );

  it('serves no token under the name of another service', async () => {
    await using h = await harness();
    const url = h.server.getExec(anExec()).replace('/exec/', '/attach/');
    expect(await upgrade(url, SPDY)).toMatchObject({ status: 404 });
  });

  it('passes over a query', async () => {
    await using h = await harness();
    expect(await upgrade(`${h.server.getExec(anExec())}?a=/b`, SPDY)).toMatchObject({
      headers: { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
    });
  });

  it('answers with an error what does not ask for an upgrade that it knows', async () => {
    await using h = await harness();
    const { status, text } = await fetch(h.server.getExec(anExec())).then(async (answer) => ({
      status: answer.status,
      text: await answer.text(),
    }));
    expect([status, text]).toEqual([400, expect.stringContaining('SPDY/3.1 or WebSocket')]);
    expect(await upgrade(h.server.getExec(anExec()), { Upgrade: 'h2c' })).toMatchObject({ status: 400 });
  });

  it('refuses versions that it does not know, and says which it does', async () => {
    await using h = await harness();
    const url = h.server.getExec(anExec());
    const refusal = await upgrade(url, { ...SPDY, 'X-Stream-Protocol-Version': 'v9.channel.k8s.io' });
    expect(refusal).toMatchObject({
      status: 403,
      headers: { 'x-accepted-stream-protocol-versions': expect.stringContaining('v4.channel.k8s.io') },
      body: expect.stringContaining('v9.channel.k8s.io'),
    });
  });

  it('refuses a WebSocket handshake that is none', async () => {
    await using h = await harness();
    expect(await upgrade(h.server.getExec(anExec()), { Upgrade: 'websocket' })).toMatchObject({ status: 400 });
    expect(h.targets.requests).toEqual([]);
  });

  it('takes no harm from what is sent right behind a request', async () => {
    await using h = await harness();
    for (const [upgrade, behind] of [
      ['websocket', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])],
      ['SPDY/3.1', Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff])],
    ] as const) {
      const url = new URL(h.server.getExec(anExec()));
      const socket = connect(Number(url.port), '127.0.0.1');
      const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
      const lines = [
        `GET ${url.pathname} HTTP/1.1`,
        'Host: x',
        'Connection: Upgrade',
        `Upgrade: ${upgrade}`,
        key,
        '',
        '',
      ];
      socket.write(Buffer.concat([Buffer.from(lines.join('\r\n')), behind]));
      const ended = once(socket, 'close');
      socket.resume();
      await ended;
    }
    while (h.server.sessions > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(h.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('gives a process what a WebSocket client sends right behind its request', async () => {
    await using h = await harness();
    const url = new URL(h.server.getExec(anExec()));
    const socket = connect(Number(url.port), '127.0.0.1');
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
    const lines = [`GET ${url.pathname} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', key, '', ''];
    const hello = Buffer.from([0x82, 0x83, 0, 0, 0, 0, 0, 0x68, 0x69]);
    socket.write(Buffer.concat([Buffer.from(lines.join('\r\n')), hello]));
    const [chunk] = (await once((await h.targets.next()).input, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hi');
    socket.destroy();
  });

  it.each([
    [{ stdin: false, stdout: false, stderr: false }, /one of stdin, stdout and stderr/],
    [{ tty: true }, /stderr: must not be asked for together with tty/],
    [{ cmd: [] }, /cmd: must name a command/],
  ])('refuses to exec with %j', async (change, problem) => {
    await using h = await harness();
    expect(() => h.server.getExec(anExec(change))).toThrow(problem);
  });

  it('hands out a thousand URLs at most that nobody uses', async () => {
    await using h = await harness();
    for (let n = 0; n < 1_000; n++) h.server.getExec(anExec());
    expect(() => h.server.getPortForward({ sandboxId: 'p' })).toThrow(
      expect.objectContaining({ kind: 'resource-exhausted' }),
    );
  });

  it('names the address that is taken', async () => {
    await using h = await harness();
    const { port } = new URL(h.server.getExec(anExec()));
    await expect(harness({ port: Number(port) })).rejects.toThrow(`streaming server: address 127.0.0.1 port ${port}`);
  });

  it('listens on IPv6 too, and warns where others can listen in', async () => {
    await using six = await harness({ address: '::1' });
    expect(six.server.getExec(anExec())).toMatch(/^http:\/\/\[::1\]:\d+\/exec\//);
    await using all = await harness({ address: '0.0.0.0' });
    expect(all.server.getExec(anExec())).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect([six, all].map(({ lines }) => lines.some(({ level }) => level === 'warn'))).toEqual([false, true]);
  });

  it('hands out nothing before it listens and after it was closed', async () => {
    const h = await harness();
    await h.server.close();
    await h.server.close();
    expect(() => h.server.getExec(anExec())).toThrow(expect.objectContaining({ kind: 'unavailable' }));
  });

  it('ends connections that are no sessions when it is closed', async () => {
    const h = await harness();
    const { port } = new URL(h.server.getExec(anExec()));
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const ended = once(socket, 'close');
    socket.resume();
    await h.server.close();
    await ended;
    expect(h.server.sessions).toBe(0);
  });

  it('logs how a session went, and never its token', async () => {
    await using h = await harness();
    const url = h.server.getExec(anExec());
    const { client } = await spdyCommand(url, ['error', 'stdin', 'stdout', 'stderr']);
    (await h.targets.next()).end(3);
    await client.until(() => client.isHungUp);
    client.transport.end();
    while (h.lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(h.lines[1]).toMatchObject({
      level: 'info',
      message: 'exec ended',
      fields: { container: 'c1', carrier: 'spdy', outcome: 'command terminated with exit code 3' },
    });
    expect(JSON.stringify(h.lines)).not.toContain(url.split('/').at(-1));
  });
});
