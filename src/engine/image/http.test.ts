import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient, readBody, showUrl } from './http.ts';
import type { HttpClientOptions } from './http.ts';
import { CA_CERT, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from './test-certificates.ts';
import { TlsSettings } from './tls-settings.ts';

const signal = new AbortController().signal;

let folder: string;
let servers: (Server | TlsServer)[];
let clients: HttpClient[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-http-'));
  servers = [];
  clients = [];
  for (const [name, pem] of Object.entries({ ca: CA_CERT, cert: CLIENT_CERT, key: CLIENT_KEY })) {
    await writeFile(join(folder, name), pem);
  }
});

afterEach(async () => {
  for (const client of clients) await client.close();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(folder, { recursive: true });
});

async function listen(server: Server | TlsServer): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Trust {
  readonly ca?: boolean;
  readonly client?: boolean;
  readonly skipVerify?: boolean;
  readonly env?: Record<string, string>;
}

function connectTo(host: string, trust: Trust = {}): HttpClient {
  const tls = new TlsSettings();
  const ca = trust.ca === true ? [join(folder, 'ca')] : [];
  const pairs = trust.client === true ? [{ cert: join(folder, 'cert'), key: join(folder, 'key') }] : [];
  const options: HttpClientOptions = {
    home: () => tls.context(ca, pairs),
    elsewhere: () => tls.context(ca, []),
    homeHost: host,
    skipVerify: trust.skipVerify ?? false,
    dialTimeoutMs: 5_000,
    env: trust.env ?? {},
  };
  const client = new HttpClient(options);
  clients.push(client);
  return client;
}

async function get(client: HttpClient, url: string): Promise<string> {
  const response = await client.send({ method: 'GET', url: new URL(url), headers: {} }, signal);
  return (await readBody(response, 1000)).toString();
}

/** Answers with the name in the client's certificate. */
function secureServer(): TlsServer {
  const options = { cert: SERVER_CERT, key: SERVER_KEY, ca: CA_CERT, requestCert: true, rejectUnauthorized: false };
  return createTlsServer(options, (request, response) => {
    const { authorized } = request.socket as TLSSocket;
    response.end(authorized ? 'known' : 'unknown');
  });
}

describe('HttpClient over TLS', () => {
  it('believes no unknown authority', async () => {
    const host = await listen(secureServer());
    await expect(get(connectTo(host), `https://${host}/`)).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'RegistryUnavailable',
    });
  });

  it('believes the authority of the configuration, or anyone where told to', async () => {
    const host = await listen(secureServer());
    expect(await get(connectTo(host, { ca: true }), `https://${host}/`)).toBe('unknown');
    expect(await get(connectTo(host, { skipVerify: true }), `https://${host}/`)).toBe('unknown');
  });

  it('shows its certificate to the host itself and not to where it redirects', async () => {
    const other = await listen(secureServer());
    const options = { cert: SERVER_CERT, key: SERVER_KEY, ca: CA_CERT, requestCert: true, rejectUnauthorized: true };
    const host = await listen(
      createTlsServer(options, (_request, response) =>
        response.writeHead(302, { location: `https://${other}/` }).end(),
      ),
    );
    expect(await get(connectTo(host, { ca: true, client: true }), `https://${host}/`)).toBe('unknown');
    expect(await get(connectTo(other, { ca: true, client: true }), `https://${other}/`)).toBe('known');
  });

  it.each([
    ['ca', 'no certificate', 'holds no PEM certificate'],
    ['ca', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'damaged certificate'],
    ['key', 'no key', 'client certificate'],
  ])('names the file %s when it is %j', async (name, text, message) => {
    const host = await listen(secureServer());
    await writeFile(join(folder, name), text);
    await expect(get(connectTo(host, { ca: true, client: true }), `https://${host}/`)).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(join(folder, name)),
    });
    await expect(get(connectTo(host, { ca: true, client: true }), `https://${host}/`)).rejects.toThrow(message);
  });
});

describe('HttpClient', () => {
  it('goes through a proxy, except to this machine', async () => {
    const asked: string[] = [];
    const proxy = await listen(
      createServer((request, response) => response.end(String(asked.push(request.url ?? '')))),
    );
    const direct = await listen(createServer((_request, response) => response.end('direct')));
    const env = { HTTP_PROXY: `http://${proxy}`, NO_PROXY: 'inside.example' };
    const client = connectTo('registry.example', { env });
    expect(await get(client, 'http://registry.example/v2/')).toBe('1');
    expect(asked).toEqual(['http://registry.example/v2/']);
    expect(await get(client, `http://${direct}/`)).toBe('direct');
  });

  it('follows redirects, but not for ever', async () => {
    let hops = 0;
    const host = await listen(
      createServer((request, response) => {
        hops++;
        if (request.url === '/end') response.end('there');
        else response.writeHead(307, { location: request.url === '/loop' ? '/loop' : 'end' }).end();
      }),
    );
    expect(await get(connectTo(host), `http://${host}/start`)).toBe('there');
    hops = 0;
    await expect(get(connectTo(host), `http://${host}/loop`)).rejects.toThrow('redirects more than 10 times');
    expect(hops).toBe(11);
  });

  it('tries once more when a kept connection had been closed', async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.end('ok');
    });
    const host = await listen(server);
    const client = connectTo(host);
    expect(await get(client, `http://${host}/`)).toBe('ok');
    server.closeAllConnections();
    expect(await get(client, `http://${host}/`)).toBe('ok');
    expect(requests).toBe(2);
  });

  it('ends a request with the reason of its signal', async () => {
    const host = await listen(createServer(() => undefined));
    const ended = new AbortController();
    const reason = new Error('enough');
    const waiting = connectTo(host).send({ method: 'GET', url: new URL(`http://${host}/`), headers: {} }, ended.signal);
    ended.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('showUrl()', () => {
  it('leaves out what may be secret', () => {
    expect(showUrl(new URL('https://user:pw@s3.example/a/b?X-Amz-Signature=secret#x'))).toBe('https://s3.example/a/b');
  });
});
