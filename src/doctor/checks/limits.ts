import type { Config } from '../../config/index.ts';
import { error, ok, warning } from '../finding.ts';
import type { Found } from '../finding.ts';
import type { Host } from '../host.ts';

/** A container has some ten descriptors in davitd and its pump; 500 of them must fit, and all that is read and pulled. */
const GOOD_FILES = 65_536;
const LEAST_FILES = 1_024;
/** Share of the kernel's table of open files. */
const FULL = 0.9;

/** How many files davitd may have open, or, where none serves, what is started from here. */
export async function checkLimits(host: Host, config: Pick<Config, 'listen'>): Promise<readonly Found[]> {
  const pid = await findServer(host, config.listen.replace(/^unix:\/\//, ''));
  const who = pid === undefined ? 'what is started from here' : `davitd (pid ${pid})`;
  const limits = await host.text(`/proc/${pid ?? 'self'}/limits`);
  const text = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  const open = text === 'unlimited' ? Infinity : Number(text ?? NaN);
  return [...checkOpen(open, who), ...(await checkTable(host))];
}

function checkOpen(open: number, who: string): readonly Found[] {
  // NaN: not to be read.
  if (!(open < GOOD_FILES)) return [ok(`${who} may have ${open} files open`)];
  const advice = {
    why: 'each container needs some ten descriptors of davitd and davit-pump: with many of them creates fail by EMFILE.',
    fix: 'LimitNOFILE=1048576 in the unit, or ulimit -n 1048576 before davitd is started',
  };
  return [(open < LEAST_FILES ? error : warning)(`${who} may have only ${open} files open`, advice)];
}

async function checkTable(host: Host): Promise<readonly Found[]> {
  const [used = NaN, , most = NaN] = (await host.text('/proc/sys/fs/file-nr')).trim().split(/\s+/).map(Number);
  if (!(used > most * FULL)) return [];
  return [
    error(`${used} of ${most} files of the whole node are open`, {
      why: 'when none is left every program of the node fails.',
      fix: 'find who has them: lsof -n | cut -d " " -f 1 | sort | uniq -c | sort -n; raise fs.file-max',
    }),
  ];
}

/** The process that listens at a unix socket, found by the socket's inode. */
async function findServer(host: Host, path: string): Promise<string | undefined> {
  // Num RefCount Protocol Flags Type St Inode Path
  const sockets = (await host.text('/proc/net/unix')).split('\n').map((line) => line.trim().split(/\s+/));
  const inodes = sockets.filter((fields) => fields[7] === path).map((fields) => `socket:[${fields[6]}]`);
  if (inodes.length === 0) return undefined;
  for (const pid of await host.list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const open = await host.links(`/proc/${pid}/fd`);
    if (open.some((target) => inodes.includes(target))) return pid;
  }
  return undefined;
}
