import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../errors.ts';
import { DEFAULT_APPARMOR_PROFILE, defaultAppArmorProfile } from './default-profile.ts';
import { FakeAppArmorNode } from './fake.ts';
import { parseLoadedProfiles } from './loaded-profiles.ts';
import { createAppArmorNode } from './node.ts';
import { createAppArmorProfiles } from './profiles.ts';

/** As the kernel of a Debian 12 lists them. */
const LIST = `davit-default (enforce)
/usr/bin/man (enforce)
man_filter (enforce)
nvidia_modprobe//kmod (enforce)
with (brackets) (complain)
`;
const FIELD = 'config.linux.security_context.apparmor';
const never = new AbortController().signal;

/** With a stand-in for apparmor_parser. */
async function withParser(script: string, use: (parser: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'dvaa'));
  const parser = join(dir, 'parser');
  try {
    await writeFile(parser, `#!/bin/sh\n${script}\n`);
    await chmod(parser, 0o755);
    await use(parser);
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('parseLoadedProfiles()', () => {
  it('knows every name, whatever its mode', () => {
    expect([...parseLoadedProfiles(LIST)]).toEqual([
      'davit-default',
      '/usr/bin/man',
      'man_filter',
      'nvidia_modprobe//kmod',
      'with (brackets)',
    ]);
    expect(parseLoadedProfiles('')).toEqual(new Set());
  });
});

describe('defaultAppArmorProfile()', () => {
  it('is one profile of its own name that knows itself as a peer', () => {
    const text = defaultAppArmorProfile('other');
    expect(text).toMatch(/^profile other flags=\(attach_disconnected,mediate_deleted\) \{\n/);
    expect(text.match(/peer=other,/g)).toHaveLength(2);
    expect(text).not.toContain('include');
    expect(text.trimEnd().endsWith('}')).toBe(true);
  });

  it('gives no mounts and takes what the kernel keeps for itself', () => {
    const rules = defaultAppArmorProfile()
      .split('\n')
      .map((line) => line.trim());
    expect(rules.filter((rule) => /\bmount\b|\bpivot_root\b/.test(rule) && !rule.startsWith('#'))).toEqual([]);
    expect(rules).toEqual(expect.arrayContaining(['deny network alg,', 'deny /proc/* wkl,', 'umount,']));
  });
});

describe('createAppArmorProfiles()', () => {
  const runtimeDefault = { kind: 'runtime-default' } as const;
  const localhost = { kind: 'localhost', ref: 'man_filter' } as const;

  it('loads the default profile once', async () => {
    const node = new FakeAppArmorNode();
    const profiles = createAppArmorProfiles({ enabled: true, node });
    const both = [profiles.resolve(runtimeDefault, FIELD, never), profiles.resolve(runtimeDefault, FIELD, never)];
    expect(await Promise.all(both)).toEqual([DEFAULT_APPARMOR_PROFILE, DEFAULT_APPARMOR_PROFILE]);
    expect(node.profiles).toEqual([defaultAppArmorProfile()]);
  });

  it('tries again after a load that failed', async () => {
    const node = new FakeAppArmorNode();
    node.failure = new EngineError('failed-precondition', 'no parser');
    const profiles = createAppArmorProfiles({ enabled: true, node });
    await expect(profiles.resolve(runtimeDefault, FIELD, never)).rejects.toThrow(
      'load the AppArmor profile davit-default: no parser',
    );
    expect(await profiles.resolve(runtimeDefault, FIELD, never)).toBe(DEFAULT_APPARMOR_PROFILE);
  });

  it('takes a profile of the node that is loaded, and names one that is not', async () => {
    const node = new FakeAppArmorNode();
    node.list = LIST;
    const profiles = createAppArmorProfiles({ enabled: true, node });
    expect(await profiles.resolve(localhost, FIELD, never)).toBe('man_filter');
    await expect(profiles.resolve({ kind: 'localhost', ref: 'web' }, FIELD, never)).rejects.toThrow(
      `${FIELD}: no AppArmor profile "web" is loaded`,
    );
    node.list = undefined;
    expect(await profiles.resolve({ kind: 'localhost', ref: 'web' }, FIELD, never)).toBe('web');
  });

  it('has none for the unconfined', async () => {
    const profiles = createAppArmorProfiles({ enabled: true, node: new FakeAppArmorNode() });
    expect(await profiles.resolve({ kind: 'unconfined' }, FIELD, never)).toBeUndefined();
  });

  it('passes the default over where AppArmor is off, but not a profile of the node', async () => {
    const node = new FakeAppArmorNode();
    const profiles = createAppArmorProfiles({ enabled: false, node });
    expect(await profiles.resolve(runtimeDefault, FIELD, never)).toBeUndefined();
    expect(node.profiles).toEqual([]);
    await expect(profiles.resolve(localhost, FIELD, never)).rejects.toThrow(
      `${FIELD}: profile "man_filter" cannot be used: AppArmor is off on this node`,
    );
  });
});

describe('createAppArmorNode()', () => {
  it('gives the parser the profile', async () => {
    await withParser('echo "$@" > "$0.args"; cat > "$0.text"', async (parser) => {
      await createAppArmorNode(parser).load('profile x {}\n');
      expect(await readFile(`${parser}.args`, 'utf8')).toBe('--replace --skip-cache\n');
      expect(await readFile(`${parser}.text`, 'utf8')).toBe('profile x {}\n');
    });
  });

  it('tells what the parser complains of, and when there is none', async () => {
    await withParser('echo "syntax error" >&2; exit 3', async (parser) => {
      await expect(createAppArmorNode(parser).load('x'.repeat(200_000))).rejects.toThrow('exit code 3: syntax error');
    });
    await expect(createAppArmorNode('/no/parser').load('')).rejects.toThrow('is it installed and in PATH?');
  });
});
