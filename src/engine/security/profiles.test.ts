import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeAppArmorNode } from './apparmor/fake.ts';
import { createAppArmorProfiles, createSecurityProfiles } from './index.ts';
import type { NodeProfiles, WantedProfiles } from './index.ts';

let dir: string;
const node = new FakeAppArmorNode();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvprof'));
});
afterEach(() => rm(dir, { recursive: true }));

async function resolve(wanted: Partial<WantedProfiles>, signal = new AbortController().signal): Promise<NodeProfiles> {
  const profiles = createSecurityProfiles(createAppArmorProfiles({ enabled: true, node }));
  return await profiles.resolve(
    { seccomp: { kind: 'unconfined' }, apparmor: { kind: 'unconfined' }, ...wanted },
    signal,
  );
}

describe('createSecurityProfiles()', () => {
  it('looks nothing up for who is unconfined, or has the default of seccomp', async () => {
    expect(await resolve({})).toEqual({});
    expect(await resolve({ seccomp: { kind: 'runtime-default' } })).toEqual({});
  });

  it('reads the file that seccomp names and the name that AppArmor has', async () => {
    const ref = join(dir, 'p.json');
    await writeFile(ref, '{"defaultAction":"SCMP_ACT_LOG"}');
    const found = await resolve({ seccomp: { kind: 'localhost', ref }, apparmor: { kind: 'runtime-default' } });
    expect(found).toEqual({
      seccompFile: { defaultAction: 'SCMP_ACT_LOG', syscalls: [] },
      apparmorProfile: 'davit-default',
    });
  });

  it('names the field, the file and the place of a profile that is none', async () => {
    const ref = join(dir, 'p.json');
    const wanted = { seccomp: { kind: 'localhost', ref } } as const;
    await expect(resolve(wanted)).rejects.toThrow(`config.linux.security_context.seccomp: ${ref}: cannot be read`);
    await writeFile(ref, '{"defaultAction":"LOG"}');
    await expect(resolve(wanted)).rejects.toMatchObject({
      kind: 'invalid-argument',
      message: expect.stringContaining(`config.linux.security_context.seccomp: ${ref}: defaultAction: "LOG" is none`),
    });
  });

  it('ends with its caller', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(resolve({ seccomp: { kind: 'localhost', ref: dir } }, gone)).rejects.toThrow('gone');
  });
});
