import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newContainerId, newSandboxId } from '../ids.ts';
import { Marks } from './marks.ts';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'davit-marks-'));
});

afterEach(() => rm(state, { recursive: true }));

describe('Marks', () => {
  it('are found again by the next davitd', async () => {
    const marks = new Marks(state);
    await marks.start();
    const [pod, id] = [newSandboxId(), newContainerId()];
    await marks.put(id, pod, '/davit/pod/container');
    await marks.put(id, pod, '/davit/pod/container');
    expect(await readlink(join(state, 'marks', id))).toBe(`${pod}/davit/pod/container`);

    const next = new Marks(state);
    await next.start();
    expect(next.get(id)).toMatchObject({ id, sandboxId: pod, cgroupPath: '/davit/pod/container' });
    await next.put(id, pod, '/davit/pod/container');
    await next.delete(id);
    await next.delete(id);
    expect(next.all()).toEqual([]);
    await expect(readlink(join(state, 'marks', id))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leave out what is none', async () => {
    await mkdir(join(state, 'marks'));
    await writeFile(join(state, 'marks', newContainerId()), '');
    await symlink('elsewhere', join(state, 'marks', newContainerId()));
    await symlink(`${newSandboxId()}/davit`, join(state, 'marks', 'name'));
    const marks = new Marks(state);
    await marks.start();
    expect(marks.all()).toEqual([]);
  });
});
