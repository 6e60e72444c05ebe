import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClassesConfig } from '../engine-config.ts';
import type { CgroupLayout } from '../host/index.ts';
import { resourceClasses } from './resource-classes.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dvclass'));
  await mkdir(join(dir, 'blkio'));
  await writeFile(join(dir, 'classes.yaml'), 'Classes:\n  slow:\n    - Weight: 20\n    - Devices: [/dev/davit-none]\n');
});
afterEach(() => rm(dir, { recursive: true }));

/** A v1 node whose kernel has no weights, or has them. */
function cgroup(): CgroupLayout {
  const mountPoint = join(dir, 'blkio');
  return { mode: 'v1', hierarchies: [{ version: 1, mountPoint, controllers: ['blkio'] }] };
}

function classesOf(
  pod: Readonly<Record<string, string>>,
  more: Partial<ClassesConfig> = {},
  layout: CgroupLayout = cgroup(),
) {
  const classes = { blockioFile: join(dir, 'classes.yaml'), rdt: true, tolerateMissing: false, ...more };
  return resourceClasses({ classes, cgroup: layout, resctrl: dir }, { containerName: 'web', container: {}, pod });
}

const blockio = (name: string) => ({ 'blockio.resources.beta.kubernetes.io/pod': name });
const rdt = (name: string) => ({ 'rdt.resources.beta.kubernetes.io/container.web': name });

describe('resourceClasses()', () => {
  it('is nothing for a container that asks for none, whatever the file is', async () => {
    expect(await classesOf({}, { blockioFile: '/davit/none' })).toEqual({ notices: [] });
  });

  it('is a class of disk I/O, and tells what of it comes to nothing', async () => {
    const none = `${join(dir, 'classes.yaml')}: /dev/davit-none is no disk of this node`;
    expect(await classesOf(blockio('slow'))).toEqual({
      blockio: {},
      notices: [none, 'class slow of disk I/O: no I/O scheduler of this kernel has weights'],
    });
    await writeFile(join(dir, 'blkio', 'blkio.bfq.io_serviced'), '');
    expect(await classesOf(blockio('slow'))).toEqual({ blockio: { weight: 20 }, notices: [none] });
  });

  it('is a group of resctrl', async () => {
    await mkdir(join(dir, 'gold'));
    for (const path of ['schemata', 'gold/schemata']) await writeFile(join(dir, path), '');
    expect(await classesOf(rdt('gold'))).toEqual({ rdtGroup: 'gold', notices: [] });
    await expect(classesOf(rdt('../gold'))).rejects.toThrow('is no group of resctrl, which has gold');
  });

  it.each([
    ['a class that the file has not', blockio('fast'), {}, 'class "fast": is none of'],
    ['a class without a file', blockio('slow'), 'no file', 'classes.blockio_file'],
    ['groups that are not mounted', rdt('gold'), {}, 'resctrl is not mounted'],
    ['groups that nobody gives', rdt('gold'), { rdt: false }, 'classes.rdt'],
  ])('refuses %s, by annotation and name, or tells', async (_what, annotations, more, message) => {
    const [annotation = ''] = Object.keys(annotations);
    const config = (tolerateMissing: boolean) =>
      more === 'no file'
        ? resourceClasses(
            { classes: { rdt: true, tolerateMissing }, cgroup: cgroup() },
            { containerName: 'web', container: {}, pod: annotations },
          )
        : classesOf(annotations, { ...(more as object), tolerateMissing });
    await expect(config(false)).rejects.toMatchObject({ kind: 'failed-precondition' });
    await expect(config(false)).rejects.toThrow(`annotation ${annotation}: `);
    await expect(config(false)).rejects.toThrow(message);
    expect(await config(true)).toEqual({ notices: [expect.stringContaining(message)] });
  });

  it('refuses a node without cgroups for it', async () => {
    await expect(classesOf(blockio('slow'), {}, { mode: 'v2', hierarchies: [] })).rejects.toThrow('no cgroups');
  });

  it('tolerates no broken file', async () => {
    await writeFile(join(dir, 'classes.yaml'), 'Classes: 5');
    await expect(classesOf(blockio('slow'), { tolerateMissing: true })).rejects.toThrow('classes.yaml: Classes: must');
    await expect(classesOf(blockio('slow'), { blockioFile: dir, tolerateMissing: true })).rejects.toThrow(
      `${dir}: is not a regular file`,
    );
  });
});
