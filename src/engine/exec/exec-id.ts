import { randomBytes } from 'node:crypto';

/** Names one process in one container. containerd takes ids of up to 76 characters. */
export interface ExecIds {
  readonly containerId: string;
  readonly execId: string;
}

const TOKEN_DIGITS = 11;
const EXEC_ID = new RegExp(`^([0-9a-f]{64})\\.([0-9a-f]{${TOKEN_DIGITS}})$`);
/** Above every limit that anyone sets, and exact in a double together with a token's 44 bits. */
const MARK_BASE = 2n ** 52n;

export function newExecIds(containerId: string): ExecIds {
  const token = randomBytes(Math.ceil(TOKEN_DIGITS / 2))
    .toString('hex')
    .slice(0, TOKEN_DIGITS);
  return { containerId, execId: `${containerId}.${token}` };
}

/** The ids behind an exec id, which holds the container's; undefined for any other text. */
export function parseExecId(text: string): ExecIds | undefined {
  const containerId = EXEC_ID.exec(text)?.[1];
  return containerId === undefined ? undefined : { containerId, execId: text };
}

/** Tells the exec from all others of its container. */
export function execToken({ execId }: ExecIds): string {
  return execId.slice(-TOKEN_DIGITS);
}

/**
 * A number that the exec's processes carry as their soft limit of file locks (see process-spec.ts), and nobody else does:
 * it tells a process' origin when its parent is gone and its session is its own.
 */
export function execMark(ids: ExecIds): bigint {
  return MARK_BASE + BigInt(`0x${execToken(ids)}`);
}
