import { describe, expect, it } from 'vitest';
import { fakeImage } from '../image/fake.ts';
import { createHandlers } from '../runtime/handlers.ts';
import { containerSpec, sandboxRecord } from '../store/test-records.ts';
import type { Image } from '../types/index.ts';
import { artifactProfile } from './artifact-profile.ts';
import { testEngine } from './test-engine.ts';

const NEVER = new AbortController().signal;
const ANNOTATION = 'seccomp-profile.kubernetes.cri-o.io/web';
const REFERENCE = 'docker.io/library/profile:latest';
const PROFILE = '{"defaultAction":"SCMP_ACT_LOG"}';

/** An artifact with these files. */
function artifact(paths: readonly string[], size = 10): Image {
  const files = paths.map((path) => ({ path, digest: `sha256:${'a'.repeat(64)}`, size }));
  return { ...fakeImage(REFERENCE), artifact: { type: 'application/vnd.test', files } };
}

async function setUp(image: Image, text = PROFILE) {
  const engine = await testEngine();
  engine.images.remote.set(REFERENCE, image);
  for (const { path } of image.artifact?.files ?? []) engine.images.files.set(`${image.id} ${path}`, text);
  const { config } = engine.deps.handlers.resolve('');
  const open = { ...config, podAnnotations: [ANNOTATION] };
  const handlers = createHandlers({ handlers: { runc: open }, defaultRuntime: 'runc' }, 'cgroupfs');
  const record = sandboxRecord();
  const sandbox = { ...record, spec: { ...record.spec, annotations: { [ANNOTATION]: REFERENCE } } };
  const { security, ...rest } = containerSpec({ metadata: { name: 'web', attempt: 0 } });
  const spec = (more: object = {}) =>
    ({ ...rest, security: { ...security, seccomp: { kind: 'unset' }, ...more } }) as const;
  return { engine, deps: { ...engine.deps, handlers }, sandbox, spec };
}

describe('artifactProfile()', () => {
  it('pulls the artifact that is not on the node, and reads its only file', async () => {
    const { engine, deps, sandbox, spec } = await setUp(artifact(['any.json']));
    await using _ = engine;
    const found = await artifactProfile(deps, sandbox, spec(), NEVER);
    expect(found).toMatchObject({ annotation: ANNOTATION, value: REFERENCE, file: { defaultAction: 'SCMP_ACT_LOG' } });
    expect(engine.images.get(REFERENCE)).toBeDefined();
    engine.images.remote.clear();
    expect(await artifactProfile(deps, sandbox, spec(), NEVER)).toEqual(found);
  });

  it('pulls nothing for those that ask for a profile, are privileged, or whose handler does not let it through', async () => {
    const { engine, deps, sandbox, spec } = await setUp(artifact(['a']));
    await using _ = engine;
    const seccomp = { kind: 'runtime-default' };
    for (const asked of [spec({ seccomp }), spec({ privileged: true })])
      expect(await artifactProfile(deps, sandbox, asked, NEVER)).toBeUndefined();
    expect(await artifactProfile(engine.deps, sandbox, spec(), NEVER)).toBeUndefined();
    expect(engine.images.get(REFERENCE)).toBeUndefined();
    expect(await artifactProfile(deps, sandbox, spec({ seccomp: { kind: 'unconfined' } }), NEVER)).toBeDefined();
  });

  it('takes seccomp.json of several files', async () => {
    const { engine, deps, sandbox, spec } = await setUp(artifact(['README', 'seccomp.json']));
    await using _ = engine;
    expect(await artifactProfile(deps, sandbox, spec(), NEVER)).toBeDefined();
  });

  it.each([
    ['an image', fakeImage(REFERENCE), PROFILE, 'is no artifact'],
    ['no files', artifact([]), PROFILE, 'has 0 files'],
    ['files of other names', artifact(['a', 'b']), PROFILE, 'none of them is seccomp.json'],
    ['a large file', artifact(['a'], 2 ** 20 + 1), PROFILE, 'larger than 1048576 bytes'],
    ['no profile', artifact(['a']), '{}', 'a: defaultAction'],
    ['a socket of the node', artifact(['a']), `{"listenerPath":"/s",${PROFILE.slice(1)}`, 'listenerPath'],
  ])('refuses %s by the annotation’s name', async (_name, image, text, problem) => {
    const { engine, deps, sandbox, spec } = await setUp(image, text);
    await using _ = engine;
    await expect(artifactProfile(deps, sandbox, spec(), NEVER)).rejects.toMatchObject({
      kind: 'invalid-argument',
      message: expect.stringMatching(new RegExp(`^annotation ${ANNOTATION.replaceAll('.', '\\.')}: .*${problem}`)),
    });
  });
});
