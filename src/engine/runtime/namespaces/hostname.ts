import { HOSTNAME_MAX_BYTES } from '../../../sys/namespaces.ts';
import { invalidField } from '../../errors.ts';

/** What a DNS name or label may hold; it is written to /etc/hosts too, so nothing else may pass. */
const HOSTNAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Throws invalid-argument naming `config.hostname`. */
export function checkHostname(hostname: string): void {
  if (Buffer.byteLength(hostname) > HOSTNAME_MAX_BYTES) {
    throw invalidField('config.hostname', `longer than ${HOSTNAME_MAX_BYTES} bytes, which is what Linux allows`);
  }
  if (!HOSTNAME.test(hostname)) {
    throw invalidField('config.hostname', `not a host name: ${JSON.stringify(hostname)}`);
  }
}
