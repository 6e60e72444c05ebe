import { readFile, stat } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { messageOf, withContext } from '../../engine/index.ts';
import type { StreamingSettings } from './settings.ts';

/** What a TLS server is made from, and remade. */
export interface TlsMaterial extends SecureContextOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface TlsFiles {
  /** What was read. */
  readonly material: TlsMaterial;
  /** Reads again whenever a file changes. They are looked at every so often: they may be links that are replaced. */
  watch(deps: TlsWatchDeps): Disposable;
}

export interface TlsWatchDeps {
  readonly onChange: (material: TlsMaterial) => void;
  /** The files have changed and cannot be used, so what was read before stays. Told once for each change. */
  readonly onProblem: (error: unknown) => void;
  readonly intervalMs: number;
}

/**
 * Reads the certificate, its key and the clients' authorities. Resolves with undefined where no certificate is set;
 * rejects, naming the file, when one cannot be read or key and certificate do not belong together.
 */
export async function readTls(settings: StreamingSettings): Promise<TlsFiles | undefined> {
  const { tlsCert, tlsKey } = settings;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const paths: TlsPaths = { cert: tlsCert, key: tlsKey, ca: settings.tlsClientCa };
  const minVersion = `TLSv${settings.tlsMinVersion}` as const;
  const seen = await fingerprint(paths);
  const material = await load(paths, minVersion);
  return { material, watch: (deps) => watch(paths, seen, () => load(paths, minVersion), deps) };
}

function watch(paths: TlsPaths, first: string, reload: () => Promise<TlsMaterial>, deps: TlsWatchDeps): Disposable {
  let seen = first;
  let looking = Promise.resolve();
  const look = async (): Promise<void> => {
    const now = await fingerprint(paths);
    if (now === seen) return;
    seen = now;
    await reload().then(deps.onChange, deps.onProblem);
  };
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, deps.intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

async function load(paths: TlsPaths, minVersion: TlsMaterial['minVersion']): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    read(paths.cert),
    read(paths.key),
    paths.ca === undefined ? undefined : read(paths.ca),
  ]);
  const material = { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
  try {
    createSecureContext(material);
  } catch (error) {
    throw withContext(error, `TLS of the streaming server: ${paths.cert} with ${paths.key}`);
  }
  return material;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw withContext(error, 'TLS of the streaming server');
  }
}

/** Changes when a file does; a file that is not there is told when it is read. */
async function fingerprint({ cert, key, ca }: TlsPaths): Promise<string> {
  const paths = ca === undefined ? [cert, key] : [cert, key, ca];
  const marks = paths.map((path) =>
    stat(path, { bigint: true }).then(
      ({ ino, size, mtimeNs, ctimeNs }) => [ino, size, mtimeNs, ctimeNs].join(' '),
      (error: unknown) => messageOf(error),
    ),
  );
  return (await Promise.all(marks)).join('\n');
}
