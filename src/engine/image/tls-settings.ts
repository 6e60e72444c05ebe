import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { EngineError, messageOf } from '../errors.ts';
import type { ClientPair } from './hosts-file.ts';

/** Where Linux distributions keep the certificates that the machine trusts; the first that can be read is taken. */
const SYSTEM_BUNDLES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Makes TLS contexts that trust what the machine trusts, and what a registry's configuration adds. */
export class TlsSettings {
  #roots: Promise<readonly string[]> | undefined;
  #plain: Promise<SecureContext> | undefined;

  /** Reads the files anew, except the machine's own certificates. Throws failed-precondition that names the file. */
  context(ca: readonly string[], client: readonly ClientPair[]): Promise<SecureContext> {
    if (ca.length > 0 || client.length > 0) return this.#build(ca, client);
    this.#plain ??= this.#build([], []);
    return this.#plain;
  }

  async #build(ca: readonly string[], client: readonly ClientPair[]): Promise<SecureContext> {
    this.#roots ??= systemRoots();
    const added = (await Promise.all(ca.map(readCertificates))).flat();
    const cert = await Promise.all(client.map((pair) => readPem(pair.cert)));
    const key = await Promise.all(client.map((pair) => readPem(pair.key ?? pair.cert)));
    try {
      return createSecureContext({
        ca: [...(await this.#roots), ...added],
        ...(client.length === 0 ? {} : { cert, key }),
      });
    } catch (error) {
      const files = client.map((pair) => [pair.cert, pair.key].filter((name) => name !== undefined).join(' with '));
      throw new EngineError('failed-precondition', `client certificate ${files.join(', ')}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

async function systemRoots(): Promise<readonly string[]> {
  for (const file of SYSTEM_BUNDLES) {
    const text = await readFile(file, 'utf8').catch(() => ''); // not this distribution's place
    const found = text.match(CERTIFICATE);
    if (found !== null) return found;
  }
  return rootCertificates;
}

async function readCertificates(file: string): Promise<readonly string[]> {
  const found = (await readPem(file)).match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new EngineError('failed-precondition', `${file} holds no PEM certificate`);
  for (const certificate of found) {
    checkCertificate(certificate, file);
  }
  return found;
}

function checkCertificate(certificate: string, file: string): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw new EngineError('failed-precondition', `${file} holds a damaged certificate`, { cause: error });
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EngineError('failed-precondition', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
