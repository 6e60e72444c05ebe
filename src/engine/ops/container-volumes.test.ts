import { describe, expect, it } from 'vitest';
import type { MountSpec } from '../types/index.ts';
import { prepareVolumes, removeVolumes } from './container-volumes.ts';
import { testEngine } from './test-engine.ts';
import { containerRecord, containerSpec, sandboxRecord } from '../store/test-records.ts';

const NEVER = new AbortController().signal;
const IMAGE = 'docker.io/library/busybox:latest';

function mountOf(image: string): MountSpec {
  const readonly = true;
  return {
    containerPath: '/vol',
    hostPath: '',
    image: { image },
    readonly,
    propagation: 'private',
    selinuxRelabel: false,
  };
}

async function subjectWith(mounts: readonly MountSpec[], volumes: readonly string[] = []) {
  const engine = await testEngine();
  const found = engine.images.get(IMAGE);
  if (found === undefined) throw new Error('the test engine has that image');
  const record = containerRecord({ spec: containerSpec({ mounts }) });
  const image = { ...found, config: { ...found.config, volumes } };
  await engine.layers.prepareRoot(
    { key: record.snapshotKey, snapshotter: 'overlayfs', parent: image.chainId, labels: {} },
    NEVER,
  );
  return { engine, record, subject: { record, sandbox: sandboxRecord(), image } };
}

describe('prepareVolumes()', () => {
  it('makes what the image declares and mounts what the request names, and both go', async () => {
    const { engine, record, subject } = await subjectWith([mountOf(IMAGE)], ['/data', '/vol']);
    await using _ = engine;
    const made = await prepareVolumes(engine.deps, subject, NEVER);
    expect(made.declared.map((volume) => volume.containerPath)).toEqual(['/data']);
    expect([...made.images.keys()]).toEqual([0]);
    expect(made.mounts[0]?.image?.imageRef).toBeDefined();
    expect(engine.layers.roots.size).toBe(2);
    await removeVolumes(engine.deps, record, NEVER);
    expect(engine.layers.roots.size).toBe(1);
    expect(engine.volumes.made.size).toBe(0);
  });

  it('makes what the image declares folders of the root itself, where the node says so', async () => {
    const { engine, subject } = await subjectWith([], ['/data', '/proc/x']);
    await using _ = engine;
    const { defaults } = engine.deps;
    const containers = { ...defaults.containers, imageVolumes: 'mkdir' } as const;
    expect(
      (await prepareVolumes({ ...engine.deps, defaults: { ...defaults, containers } }, subject, NEVER)).declared,
    ).toEqual([]);
    expect(engine.volumes.folders).toEqual(['/data']);
    expect(engine.volumes.made.size).toBe(0);
  });

  it('K13: gives the reason that the kubelet looks for, for an image that is missing or cannot be mounted', async () => {
    const { engine, subject } = await subjectWith([mountOf('no/such:1')]);
    await using _ = engine;
    await expect(prepareVolumes(engine.deps, subject, NEVER)).rejects.toMatchObject({
      kind: 'not-found',
      reason: 'ImageVolumeMountFailed',
    });
    engine.volumes.failNextMount = new Error('mount: EINVAL');
    const mounted = { ...subject, record: containerRecord({ spec: containerSpec({ mounts: [mountOf(IMAGE)] }) }) };
    await expect(prepareVolumes(engine.deps, mounted, NEVER)).rejects.toMatchObject({
      reason: 'ImageVolumeMountFailed',
    });
  });
});
