import { describe, expect, it } from 'vitest';
import { containerSpec } from './container-spec.ts';
import { ownAnnotation } from './own-annotations.ts';
import type { AnnotatedContainer } from './own-annotations.ts';
import { specInput } from './test-input.ts';

const UMASK = 'io.kubernetes.cri-o.umask';

function container(more: Partial<AnnotatedContainer> = {}): AnnotatedContainer {
  const handler = { defaultAnnotations: {}, podAnnotations: [UMASK, `${UMASK}/*`], containerAnnotations: [UMASK] };
  return { handler, pod: {}, container: {}, name: 'web', ...more };
}

/** What the containers of a pod that asks for a umask get. */
function umask(value: string): number | undefined {
  const input = specInput();
  const sandbox = { ...input.sandbox, annotations: { [UMASK]: value } };
  const handler = { ...input.handler, podAnnotations: [UMASK] };
  const { spec } = containerSpec({ ...input, sandbox, handler, defaults: { ...input.defaults, umask: '0022' } });
  return spec.process.user.umask;
}

describe('ownAnnotation()', () => {
  it('counts where the handler lets it through, and nowhere else', () => {
    const pod = { [UMASK]: '0027' };
    expect(ownAnnotation(UMASK, container({ pod }))).toEqual({ annotation: UMASK, value: '0027' });
    const closed = { defaultAnnotations: {}, podAnnotations: [], containerAnnotations: [] };
    expect(ownAnnotation(UMASK, container({ pod, handler: closed }))).toBeUndefined();
    expect(ownAnnotation(UMASK, container())).toBeUndefined();
  });

  it('prefers one for the container to one for the pod, and one of the container to the handler’s default', () => {
    const pod = { [UMASK]: '0027', [`${UMASK}/web`]: '0077', [`${UMASK}/other`]: '0000' };
    expect(ownAnnotation(UMASK, container({ pod }))?.value).toBe('0077');
    expect(ownAnnotation(UMASK, container({ pod, name: 'third' }))?.value).toBe('0027');
    expect(ownAnnotation(UMASK, container({ pod: { ...pod, [`${UMASK}/POD`]: '0001' }, name: 'third' }))?.value).toBe(
      '0001',
    );
    const handler = { ...container().handler, defaultAnnotations: { [UMASK]: '0002' } };
    expect(ownAnnotation(UMASK, container({ handler }))?.value).toBe('0002');
    expect(ownAnnotation(UMASK, container({ handler, container: { [UMASK]: '0022' } }))?.value).toBe('0022');
  });
});

describe('the annotation for a umask', () => {
  it('is the mode of new files, instead of that of the node', () => {
    expect([umask('0077'), umask('027')]).toEqual([0o077, 0o027]);
  });

  it('is refused by name when it is none', () => {
    for (const bad of ['', '7', '0888', '0o77', '01777', ' 077'])
      expect(() => umask(bad)).toThrow(/^annotation io\.kubernetes\.cri-o\.umask: must be three octal digits/);
  });
});
