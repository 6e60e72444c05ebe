import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDurable, writeDurable } from '../../sys/durable-file.ts';
import { EngineError, messageOf } from '../errors.ts';
import { parseSandboxId } from '../ids.ts';
import type { SandboxId } from '../ids.ts';
import type { AddProgress, Attachment } from './cni-exec.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';

/**
 * All that a DEL needs, whatever has become of the configuration and the pod:
 *   requested ──► attached ──► (removed by a DEL that succeeded)
 *       └── failed, with how far it got ──►┘
 */
export interface AttachmentRecord {
  readonly version: 1;
  readonly sandboxId: SandboxId;
  readonly attachment: Attachment;
  readonly state: 'requested' | 'failed' | 'attached';
  /** Absent while `requested`: every plugin may have been begun. */
  readonly progress?: AddProgress;
}

const DIR_MODE = 0o700;
const FILE_MODE = 0o600;
const SUFFIX = '.json';

/** One durable file for each attachment: `<root>/network/<sandbox id>.json`. */
export class AttachmentCache {
  readonly #dir: string;

  constructor(root: string) {
    this.#dir = join(root, 'network');
  }

  /** Makes the folder and removes what a cut-short write left. */
  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: DIR_MODE });
    for (const name of await readdir(this.#dir)) {
      if (name.endsWith('.new')) await rm(join(this.#dir, name), { force: true });
    }
  }

  async put(record: AttachmentRecord): Promise<void> {
    await writeDurable(this.#path(record.sandboxId), JSON.stringify(record), FILE_MODE);
  }

  /** Throws data-loss naming the file when it cannot be understood. */
  async get(sandboxId: SandboxId): Promise<AttachmentRecord | undefined> {
    const path = this.#path(sandboxId);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return decode(text, sandboxId);
    } catch (error) {
      throw new EngineError(
        'data-loss',
        `${path} is damaged (${messageOf(error)}), so the pod's network cannot be taken down: repair it, or free the address by hand and remove it`,
        { cause: error },
      );
    }
  }

  async delete(sandboxId: SandboxId): Promise<void> {
    await removeDurable(this.#path(sandboxId));
  }

  async list(): Promise<readonly SandboxId[]> {
    const names = await readdir(this.#dir);
    return names
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => idOf(name.slice(0, -SUFFIX.length)))
      .filter((id) => id !== undefined);
  }

  #path(sandboxId: SandboxId): string {
    return join(this.#dir, sandboxId + SUFFIX);
  }
}

function decode(text: string, sandboxId: SandboxId): AttachmentRecord {
  const record: unknown = JSON.parse(text);
  if (!isObject(record)) throw new Error('not a JSON object');
  if (record['version'] !== 1) throw new Error(`version ${JSON.stringify(record['version'])} is not known`);
  if (record['sandboxId'] !== sandboxId) throw new Error('it is of another sandbox');
  if (!isRecord(record)) throw new Error('a field is missing or of the wrong type');
  return record;
}

function isRecord(record: JsonObject): record is JsonObject & AttachmentRecord {
  const { attachment, state } = record;
  if (!isObject(attachment) || !['requested', 'failed', 'attached'].includes(String(state))) return false;
  const { network, binDirs, containerId, netns, ifName, args, capabilityArgs } = attachment;
  return (
    isNetwork(network) &&
    [binDirs, args].every((list) => Array.isArray(list)) &&
    [containerId, netns, ifName].every((text) => typeof text === 'string') &&
    isObject(capabilityArgs)
  );
}

function isNetwork(network: unknown): boolean {
  if (!isObject(network) || !Array.isArray(network['plugins'])) return false;
  const plugins: readonly unknown[] = network['plugins'];
  return (
    [network['name'], network['cniVersion']].every((text) => typeof text === 'string') &&
    plugins.every((plugin) => isObject(plugin) && typeof plugin['type'] === 'string')
  );
}

function idOf(name: string): SandboxId | undefined {
  try {
    return parseSandboxId(name, 'file name');
  } catch {
    return undefined; // not a record of ours
  }
}
