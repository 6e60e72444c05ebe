/**
 * Readers of /etc/passwd and /etc/group as an image brings them: hostile input. A line that does not make sense is passed
 * over, and the files are walked line by line, so that a big one costs its own size and no more.
 */

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The largest id: the one above it means "no id" to the kernel. */
export const MAX_ID = 2 ** 32 - 2;

const NEWLINE = 0x0a;

/** A user's or group's number, plain digits only; undefined for anything else and for numbers that are no id. */
export function parseId(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

/** The first entry that fits. */
export function findUser(file: Buffer, fits: (entry: PasswdEntry) => boolean): PasswdEntry | undefined {
  for (const line of lines(file)) {
    const entry = passwdEntry(line);
    if (entry !== undefined && fits(entry)) return entry;
  }
  return undefined;
}

export function* groups(file: Buffer): Generator<GroupEntry> {
  for (const line of lines(file)) {
    const entry = groupEntry(line);
    if (entry !== undefined) yield entry;
  }
}

/** `name:password:uid:gid:comment:home:shell` */
function passwdEntry(line: string): PasswdEntry | undefined {
  const [name, , uidText = '', gidText = ''] = line.split(':', 4);
  const uid = parseId(uidText);
  const gid = parseId(gidText);
  if (name === undefined || name === '' || uid === undefined || gid === undefined) return undefined;
  return { name, uid, gid };
}

/** `name:password:gid:member,member` */
function groupEntry(line: string): GroupEntry | undefined {
  const [name, , gidText = '', members = ''] = line.split(':', 4);
  const gid = parseId(gidText);
  if (name === undefined || name === '' || gid === undefined) return undefined;
  return { name, gid, members: members.split(',').filter((member) => member !== '') };
}

function* lines(file: Buffer): Generator<string> {
  let start = 0;
  while (start < file.length) {
    const newline = file.indexOf(NEWLINE, start);
    const end = newline === -1 ? file.length : newline;
    const line = file.toString('utf8', start, end).trim();
    if (line !== '' && !line.startsWith('#')) yield line;
    start = end + 1;
  }
}
