import { EngineError, invalidField } from '../errors.ts';
import type { ContainerSecurity, ContainerUser } from '../types/index.ts';
import { findUser, groups, MAX_ID, parseId } from './passwd.ts';
import type { PasswdEntry } from './passwd.ts';

export type UserSecurity = Pick<
  ContainerSecurity,
  'runAsUser' | 'runAsGroup' | 'runAsUsername' | 'supplementalGroups' | 'supplementalGroupsPolicy'
>;

type Identity = { readonly id: number } | { readonly name: string };

/** Who a container's first process is to be, before the image's files have been asked. */
export interface UserPlan {
  readonly user: Identity;
  /** Absent: the user's own group. */
  readonly group?: Identity;
  readonly supplementalGroups: readonly number[];
  /** Add the groups that the image's /etc/group lists the user in. */
  readonly merge: boolean;
  /** Where the user comes from, for messages. */
  readonly origin: string;
}

export const PASSWD_PATH = '/etc/passwd';
export const GROUP_PATH = '/etc/group';

/** Contents of the image's files; absent: the image does not have it, or it was not asked for. */
export interface UserFiles {
  readonly passwd?: Buffer;
  readonly group?: Buffer;
}

const FIELD = 'config.linux.security_context';
/** Linux's limit for one process. */
const MAX_GROUPS = 65_536;
/** Names that some reader takes for a number: whoever judges a user by its number would see another one than we do. */
const NUMBER_LIKE = /^[+-]?(\d[\d_]*|0[xob][\da-f_]+)$/i;

/**
 * The user asked for: the request's, else the image's USER, else root. A group without a user, both a user id and a user
 * name, ids out of range, and names that look like numbers are invalid-argument.
 */
export function planUser(security: UserSecurity, imageUser: string): UserPlan {
  const common = {
    supplementalGroups: security.supplementalGroups.map((gid, index) => idField(gid, `supplemental_groups[${index}]`)),
    merge: security.supplementalGroupsPolicy === 'merge',
  };
  const requested = requestedUser(security);
  if (requested === undefined) {
    if (security.runAsGroup !== undefined)
      throw invalidField(`${FIELD}.run_as_group`, 'is set, but neither run_as_user nor run_as_username is');
    return { ...common, ...planImageUser(imageUser) };
  }
  const group =
    security.runAsGroup === undefined ? {} : { group: { id: idField(security.runAsGroup, 'run_as_group') } };
  return { ...common, ...requested, ...group };
}

/** The files of the image that the plan cannot do without; empty when all is known already. */
export function neededFiles(plan: UserPlan): readonly string[] {
  const passwd = plan.merge || 'name' in plan.user || plan.group === undefined;
  const group = plan.merge || (plan.group !== undefined && 'name' in plan.group);
  return [...(passwd ? [PASSWD_PATH] : []), ...(group ? [GROUP_PATH] : [])];
}

/**
 * The ids. A user that only has a number need not be in /etc/passwd: its group is 0 then. The supplemental groups begin
 * with the primary one: a process that lost it could pass where "everyone but this group" may.
 */
export function resolveUser(plan: UserPlan, files: UserFiles): ContainerUser {
  const entry = findEntry(plan, files.passwd);
  const uid = 'id' in plan.user ? plan.user.id : namedEntry(entry, plan).uid;
  const gid = plan.group === undefined ? (entry?.gid ?? 0) : groupId(plan.group, plan, files.group);
  const merged = plan.merge && entry !== undefined ? groupsOf(entry.name, files.group) : [];
  const supplementalGroups = [...new Set([gid, ...merged, ...plan.supplementalGroups])];
  if (supplementalGroups.length > MAX_GROUPS)
    throw new EngineError('invalid-argument', `${plan.origin}: in more than ${MAX_GROUPS} groups`);
  return { uid, gid, supplementalGroups };
}

/** How an image's USER is told to the kubelet, which refuses to run root by it: a number that is no id stays a name. */
export function imageUserOf(imageUser: string): { readonly uid?: number; readonly username?: string } {
  const [user = ''] = imageUser.split(':', 1);
  if (user === '') return {};
  const uid = parseId(user);
  return uid === undefined ? { username: user } : { uid };
}

function requestedUser(security: UserSecurity): Pick<UserPlan, 'user' | 'origin'> | undefined {
  const { runAsUser, runAsUsername } = security;
  if (runAsUsername !== undefined) {
    const field = `${FIELD}.run_as_username`;
    if (runAsUser !== undefined) throw invalidField(field, 'is set, and run_as_user as well');
    if (NUMBER_LIKE.test(runAsUsername))
      throw invalidField(field, `${JSON.stringify(runAsUsername)} is a number; use run_as_user`);
    return { user: { name: runAsUsername }, origin: field };
  }
  if (runAsUser === undefined) return undefined;
  return { user: { id: idField(runAsUser, 'run_as_user') }, origin: `${FIELD}.run_as_user` };
}

function planImageUser(imageUser: string): Pick<UserPlan, 'user' | 'group' | 'origin'> {
  const origin = `the image's USER ${JSON.stringify(imageUser)}`;
  if (imageUser === '') return { user: { id: 0 }, origin };
  const [user = '', group = '', ...rest] = imageUser.split(':');
  if (user === '' || rest.length > 0)
    throw new EngineError('invalid-argument', `${origin} is not of the form user or user:group`);
  return {
    user: identity(user, origin),
    ...(group === '' ? {} : { group: identity(group, origin) }),
    origin,
  };
}

function identity(text: string, origin: string): Identity {
  const id = parseId(text);
  if (id !== undefined) return { id };
  if (NUMBER_LIKE.test(text))
    throw new EngineError('invalid-argument', `${origin}: ${text} is not an id from 0 to ${MAX_ID}`);
  return { name: text };
}

function findEntry(plan: UserPlan, passwd: Buffer | undefined): PasswdEntry | undefined {
  if (passwd === undefined) return undefined;
  const { user } = plan;
  return findUser(passwd, 'id' in user ? (entry) => entry.uid === user.id : (entry) => entry.name === user.name);
}

function namedEntry(entry: PasswdEntry | undefined, plan: UserPlan): PasswdEntry {
  if (entry !== undefined) return entry;
  const name = 'name' in plan.user ? plan.user.name : String(plan.user.id);
  throw new EngineError(
    'invalid-argument',
    `${plan.origin}: the image's ${PASSWD_PATH} has no user ${JSON.stringify(name)}`,
  );
}

function groupId(group: Identity, plan: UserPlan, file: Buffer | undefined): number {
  if ('id' in group) return group.id;
  for (const entry of groups(file ?? Buffer.alloc(0))) {
    if (entry.name === group.name) return entry.gid;
  }
  throw new EngineError(
    'invalid-argument',
    `${plan.origin}: the image's ${GROUP_PATH} has no group ${JSON.stringify(group.name)}`,
  );
}

function groupsOf(user: string, file: Buffer | undefined): readonly number[] {
  const gids = new Set<number>();
  for (const entry of groups(file ?? Buffer.alloc(0))) {
    if (entry.members.includes(user)) gids.add(entry.gid);
  }
  return [...gids];
}

function idField(id: number, field: string): number {
  if (Number.isInteger(id) && id >= 0 && id <= MAX_ID) return id;
  throw invalidField(`${FIELD}.${field}`, `${id} is not an id from 0 to ${MAX_ID}`);
}
