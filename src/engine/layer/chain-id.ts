import { createHash } from 'node:crypto';

/**
 * The chain id of each layer, bottom first: the name under which containerd's snapshotters keep what the layers up to
 * this one make together (OCI image specification, config, "Layer ChainID").
 */
export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chain;
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
