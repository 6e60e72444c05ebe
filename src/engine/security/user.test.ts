import { describe, expect, it } from 'vitest';
import type { ContainerUser } from '../types/index.ts';
import { imageUserOf, neededFiles, planUser, resolveUser } from './user.ts';
import type { UserSecurity } from './user.ts';

const PASSWD = Buffer.from(`# comment
root:x:0:0:root:/root:/bin/sh
broken:x:zero:0::/:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin

4294967296:x:0:0::/:/bin/sh
99999999999:x:0:0::/:/bin/sh
-1:x:0:0::/:/bin/sh
web:x:1000:1000::/home/web:/bin/sh
huge:x:4294967295:0::/:/bin/sh
web2:x:1000:2000::/home/web2:/bin/sh`);
const GROUP = Buffer.from(`root:x:0:
bin:x:1:root,daemon
web:x:1000:
extra:x:50000:web,daemon
again:x:50000:web
odd:x:nan:web
4294967296:x:0:
`);
const FILES = { passwd: PASSWD, group: GROUP };
const NOTHING: UserSecurity = { supplementalGroups: [], supplementalGroupsPolicy: 'merge' };

function resolve(security: Partial<UserSecurity>, imageUser = '', files = FILES): ContainerUser {
  return resolveUser(planUser({ ...NOTHING, ...security }, imageUser), files);
}

function needed(security: Partial<UserSecurity>, imageUser = ''): readonly string[] {
  return neededFiles(planUser({ ...NOTHING, supplementalGroupsPolicy: 'strict', ...security }, imageUser));
}

describe('resolveUser()', () => {
  it('is root with the groups of root when nobody is asked for', () => {
    expect(resolve({})).toEqual({ uid: 0, gid: 0, supplementalGroups: [0, 1] });
  });

  it('takes the group of a numeric user from passwd, the first entry that fits', () => {
    expect(resolve({ runAsUser: 1000 })).toEqual({ uid: 1000, gid: 1000, supplementalGroups: [1000, 50000] });
  });

  it('gives a number that passwd does not know group 0 and no more', () => {
    expect(resolve({ runAsUser: 4242 })).toEqual({ uid: 4242, gid: 0, supplementalGroups: [0] });
  });

  it('merges the groups of the request behind those of the image', () => {
    expect(resolve({ runAsUser: 1000, supplementalGroups: [1234, 50000] }).supplementalGroups).toEqual([
      1000, 50000, 1234,
    ]);
  });

  it('leaves the groups of the image out when the policy is strict', () => {
    const user = resolve({ runAsUser: 1000, supplementalGroups: [1234], supplementalGroupsPolicy: 'strict' });
    expect(user).toEqual({ uid: 1000, gid: 1000, supplementalGroups: [1000, 1234] });
  });

  it('prefers the group of the request', () => {
    expect(resolve({ runAsUser: 1000, runAsGroup: 7 })).toEqual({
      uid: 1000,
      gid: 7,
      supplementalGroups: [7, 50000],
    });
    expect(resolve({ runAsUsername: 'web', runAsGroup: 7 }).gid).toBe(7);
  });

  it('looks a user name up', () => {
    expect(resolve({ runAsUsername: 'daemon' })).toEqual({ uid: 1, gid: 1, supplementalGroups: [1, 50000] });
    expect(() => resolve({ runAsUsername: 'nobody' })).toThrow('/etc/passwd has no user "nobody"');
  });

  it('ignores the USER of the image when the request names a user', () => {
    expect(resolve({ runAsUser: 4242 }, 'web:extra').gid).toBe(0);
  });

  it.each([
    ['web', 1000, 1000],
    ['1000', 1000, 1000],
    ['0001000', 1000, 1000],
    ['4242', 4242, 0],
    ['1000:5', 1000, 5],
    ['web:5', 1000, 5],
    ['web:extra', 1000, 50000],
    ['4242:extra', 4242, 50000],
    ['web:', 1000, 1000],
  ])('understands USER %s of the image', (imageUser, uid, gid) => {
    expect(resolve({}, imageUser)).toMatchObject({ uid, gid });
  });

  it.each([
    '4294967295',
    '4294967296',
    '99999999999',
    '-1',
    '+5',
    '0x10',
    '1:2:3',
    ':5',
    'ghost',
    'web:ghost',
    'huge',
    'broken',
  ])('refuses USER %s of the image, whatever its passwd says', (imageUser) => {
    expect(() => resolve({}, imageUser)).toThrow(imageUser);
  });

  it('refuses a name that the image has no passwd for', () => {
    expect(() => resolveUser(planUser(NOTHING, 'web'), {})).toThrow('has no user "web"');
  });
});

describe('planUser()', () => {
  it('refuses a group without a user', () => {
    expect(() => planUser({ ...NOTHING, runAsGroup: 5 }, 'web')).toThrow('run_as_group');
  });

  it('refuses a user by id and by name at once', () => {
    expect(() => planUser({ ...NOTHING, runAsUser: 5, runAsUsername: 'web' }, '')).toThrow('run_as_username');
  });

  it('refuses a user name that is a number', () => {
    expect(() => planUser({ ...NOTHING, runAsUsername: '99999999999' }, '')).toThrow('use run_as_user');
  });

  it.each([-1, 2 ** 32 - 1, 2 ** 32, 1.5, Number.NaN])('refuses the id %s', (id) => {
    expect(() => planUser({ ...NOTHING, runAsUser: id }, '')).toThrow('run_as_user');
    expect(() => planUser({ ...NOTHING, runAsUser: 1, runAsGroup: id }, '')).toThrow('run_as_group');
    expect(() => planUser({ ...NOTHING, supplementalGroups: [1, id] }, '')).toThrow('supplemental_groups[1]');
  });
});

describe('neededFiles()', () => {
  it('asks for nothing when all is a number and no groups are merged', () => {
    expect(needed({ runAsUser: 1, runAsGroup: 2 })).toEqual([]);
    expect(needed({}, '1:2')).toEqual([]);
  });

  it('asks for passwd to find a group or a name', () => {
    expect(needed({ runAsUser: 1 })).toEqual(['/etc/passwd']);
    expect(needed({}, 'web:2')).toEqual(['/etc/passwd']);
  });

  it('asks for group to find a group by name, and for both to merge', () => {
    expect(needed({}, '1:web')).toEqual(['/etc/group']);
    expect(needed({ runAsUser: 1, runAsGroup: 2, supplementalGroupsPolicy: 'merge' })).toEqual([
      '/etc/passwd',
      '/etc/group',
    ]);
  });
});

describe('imageUserOf()', () => {
  it('tells a number from a name, and takes a number that is no id for a name', () => {
    expect(imageUserOf('')).toEqual({});
    expect(imageUserOf('5:6')).toEqual({ uid: 5 });
    expect(imageUserOf('web:6')).toEqual({ username: 'web' });
    expect(imageUserOf('-1')).toEqual({ username: '-1' });
    expect(imageUserOf('99999999999')).toEqual({ username: '99999999999' });
  });
});
