import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import process from 'node:process';

/** A running shim of our containerd namespace. */
export interface ShimProcess {
  readonly pid: number;
  /** The containerd container that it was started for: the first of its pod's, which may be gone by now. */
  readonly id: string;
}

/** Shims as processes of the node: for what their own answers cannot be had of. */
export interface ShimProcesses {
  list(): Promise<readonly ShimProcess[]>;
  /** SIGKILL. False when that shim has ended already. */
  kill(shim: ShimProcess): Promise<boolean>;
}

const SHIM = 'containerd-shim';
/** The same program, run by containerd to start a shim and to clean up after one. */
const COMMANDS = ['start', 'delete'];

export function createShimProcesses(namespace: string): ShimProcesses {
  const list = async (): Promise<readonly ShimProcess[]> => {
    const own = await readlink('/proc/self/ns/pid');
    const found: ShimProcess[] = [];
    for (const name of await readdir('/proc')) {
      const id = /^[1-9]\d*$/.test(name) ? shimId(await commandOf(name), namespace) : undefined;
      if (id !== undefined && (await pidNamespaceOf(name)) === own) found.push({ pid: Number(name), id });
    }
    return found;
  };
  return {
    list,
    kill: async ({ pid, id }) => {
      // Looked at again: the number may have become another process'.
      if (shimId(await commandOf(String(pid)), namespace) !== id) return false;
      try {
        return process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
        throw error;
      }
    },
  };
}

/** The id that a command line starts a shim of the namespace for; undefined for any other command line. */
export function shimId(command: readonly string[], namespace: string): string | undefined {
  const [program = '', ...args] = command;
  if (!basename(program).startsWith(SHIM) || COMMANDS.includes(args.at(-1) ?? '')) return undefined;
  return valueOf(args, '-namespace') === namespace ? valueOf(args, '-id') : undefined;
}

function valueOf(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}

/** Empty for a process that has ended, also one that only waits to be reaped. */
async function commandOf(pid: string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text.split('\0').slice(0, -1);
}

async function pidNamespaceOf(pid: string): Promise<string> {
  return await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
}
