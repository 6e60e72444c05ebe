import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import {
  CA_CERT,
  CLIENT_CERT,
  CLIENT_KEY,
  SERVER_ONE_CERT,
  SERVER_ONE_KEY,
  SERVER_TWO_CERT,
  SERVER_TWO_KEY,
} from './test-certificates.ts';
import { anExec, harness, spdyClient } from './test-harness.ts';
import type { StreamingSettings } from './settings.ts';

interface Files extends AsyncDisposable {
  readonly settings: Required<Pick<StreamingSettings, 'tlsCert' | 'tlsKey' | 'tlsClientCa'>>;
  /** Replaces a file as whoever renews certificates does. */
  put(name: 'cert' | 'key' | 'ca', content: string): Promise<void>;
}

async function files(): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'davit-tls-'));
  const put = async (name: string, content: string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), content);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  await put('cert', SERVER_ONE_CERT);
  await put('key', SERVER_ONE_KEY);
  await put('ca', CA_CERT);
  return {
    settings: { tlsCert: join(folder, 'cert'), tlsKey: join(folder, 'key'), tlsClientCa: join(folder, 'ca') },
    put,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const CLIENT: ConnectionOptions = { ca: CA_CERT, cert: CLIENT_CERT, key: CLIENT_KEY };

/** The name in the certificate that the server shows. */
async function shownAt(url: string): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const { hostname, port } = new URL(url);
  const socket: TLSSocket = connect({ host: hostname, port: Number(port), ...CLIENT }, () => {
    const { CN } = socket.getPeerCertificate().subject;
    resolve(Array.isArray(CN) ? CN[0] : CN);
    socket.destroy();
  });
  socket.on('error', reject);
  return promise;
}

describe('the streaming server with TLS', () => {
  it('serves clients that show a certificate of the authority, and no others', async () => {
    await using tls = await files();
    await using h = await harness(tls.settings);
    const url = h.server.getExec(anExec());
    expect(url).toMatch(/^https:/);
    await expect(spdyClient(url, 'v4.channel.k8s.io', { ca: CA_CERT })).rejects.toThrow(/alert|ECONNRESET|hang up/);
    const client = await spdyClient(url, 'v4.channel.k8s.io', CLIENT);
    for (const streamtype of ['error', 'stdin', 'stdout', 'stderr']) {
      const id = await client.open({ streamtype });
      await client.until(() => client.stream(id).isReplied);
    }
    (await h.targets.next()).end(0);
    await client.until(() => client.isHungUp);
    expect(client.text(1)).toBe('{"status":"Success"}');
  });

  it('asks clients for nothing without an authority for them', async () => {
    await using tls = await files();
    const { tlsCert, tlsKey } = tls.settings;
    await using h = await harness({ tlsCert, tlsKey });
    const client = await spdyClient(h.server.getExec(anExec()), 'v4.channel.k8s.io', { ca: CA_CERT });
    expect(client.isHungUp).toBe(false);
  });

  it('speaks no older version than it may', async () => {
    await using tls = await files();
    await using h = await harness({ ...tls.settings, tlsMinVersion: '1.3' });
    const url = h.server.getExec(anExec());
    await expect(spdyClient(url, 'v4.channel.k8s.io', { ...CLIENT, maxVersion: 'TLSv1.2' })).rejects.toThrow(/version/);
    await spdyClient(url, 'v4.channel.k8s.io', CLIENT);
  });

  it('reads its files again when they change, and keeps what it has while they do not fit', async () => {
    await using tls = await files();
    await using h = await harness({ ...tls.settings, tlsMinVersion: '1.3' }, { tlsIntervalMs: 10 });
    const url = h.server.getExec(anExec());
    const logged = async (text: string): Promise<void> => {
      while (!h.lines.some(({ message }) => message.includes(text))) await new Promise((done) => setTimeout(done, 5));
    };
    expect(await shownAt(url)).toBe('server one');
    await tls.put('cert', SERVER_TWO_CERT);
    await logged('TLS stays as it was');
    expect(await shownAt(url)).toBe('server one');
    await tls.put('key', SERVER_TWO_KEY);
    await logged('TLS was read again');
    expect(await shownAt(url)).toBe('server two');
    const old = { ...CLIENT, maxVersion: 'TLSv1.2' } as const;
    await expect(spdyClient(url, 'v4.channel.k8s.io', old)).rejects.toThrow(/version/);
  });

  it('does not start on files that are missing or do not fit', async () => {
    await using tls = await files();
    await expect(harness({ ...tls.settings, tlsKey: '/nowhere/key' })).rejects.toThrow('/nowhere/key');
    await tls.put('key', SERVER_TWO_KEY);
    await expect(harness(tls.settings)).rejects.toThrow(/TLS of the streaming server: .*cert with .*key/);
  });
});
