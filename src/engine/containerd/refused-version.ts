import { EngineError } from '../errors.ts';

/** 2.1.0 alone, its candidates and what distributions made of it: an image that is unpacked may write to the node (CVE-2025-47290). */
const REFUSED = /^v?2\.1\.0(?!\d)/;

/** Why a containerd of this version is not worked with; undefined where it is. */
export function refusedVersion(version: string, address: string): EngineError | undefined {
  if (!REFUSED.test(version)) return undefined;
  const problem = 'images that it unpacks can write to files of the node (CVE-2025-47290)';
  return new EngineError(
    'failed-precondition',
    `the containerd at ${address} is ${version}: ${problem}; install 2.1.1 or newer`,
  );
}
