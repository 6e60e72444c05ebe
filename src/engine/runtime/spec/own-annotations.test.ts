import { describe, expect, it } from 'vitest';
import { containerSpec } from './container-spec.ts';
import { ownAnnotation, UMASK } from './own-annotations.ts';
import type { AnnotatedContainer } from './own-annotations.ts';
import { specInput } from './test-input.ts';

const NAME = 'davit.umask';
const ELSEWHERE = 'io.kubernetes.cri-o.umask';

function container(more: Partial<AnnotatedContainer> = {}): AnnotatedContainer {
  const handler = {
    defaultAnnotations: {},
    podAnnotations: [NAME, `${NAME}/*`, ELSEWHERE],
    containerAnnotations: [NAME],
  };
  return { handler, pod: {}, container: {}, name: 'web', ...more };
}

/** What the containers of a pod that asks for a umask get. */
function umask(value: string): number | undefined {
  const input = specInput();
  const sandbox = { ...input.sandbox, annotations: { [NAME]: value } };
  const handler = { ...input.handler, podAnnotations: [NAME] };
  const { spec } = containerSpec({ ...input, sandbox, handler, defaults: { ...input.defaults, umask: '0022' } });
  return spec.process.user.umask;
}

describe('ownAnnotation()', () => {
  it('counts where the handler lets it through, and nowhere else', () => {
    const pod = { [NAME]: '0027' };
    expect(ownAnnotation(UMASK, container({ pod }))).toEqual({ annotation: NAME, value: '0027' });
    const closed = { defaultAnnotations: {}, podAnnotations: [], containerAnnotations: [] };
    expect(ownAnnotation(UMASK, container({ pod, handler: closed }))).toBeUndefined();
    expect(ownAnnotation(UMASK, container())).toBeUndefined();
  });

  it('goes by the name that it has elsewhere, too', () => {
    expect(ownAnnotation(UMASK, container({ pod: { [ELSEWHERE]: '0011' } }))?.annotation).toBe(ELSEWHERE);
  });

  it('prefers one for the container to one for the pod, and one of the container to the handler’s default', () => {
    const pod = { [ELSEWHERE]: '0011', [NAME]: '0027', [`${NAME}/web`]: '0077', [`${NAME}/other`]: '0000' };
    expect(ownAnnotation(UMASK, container({ pod }))?.value).toBe('0077');
    expect(ownAnnotation(UMASK, container({ pod, name: 'third' }))?.value).toBe('0027');
    expect(ownAnnotation(UMASK, container({ pod: { ...pod, [`${NAME}/POD`]: '0001' }, name: 'third' }))?.value).toBe(
      '0001',
    );
    const handler = { ...container().handler, defaultAnnotations: { [NAME]: '0002' } };
    expect(ownAnnotation(UMASK, container({ handler }))?.value).toBe('0002');
    expect(ownAnnotation(UMASK, container({ handler, container: { [NAME]: '0022' } }))?.value).toBe('0022');
  });
});

describe('the annotation for a umask', () => {
  it('is the mode of new files, instead of that of the node', () => {
    expect([umask('0077'), umask('027')]).toEqual([0o077, 0o027]);
  });

  it('is refused by name when it is none', () => {
    for (const bad of ['', '7', '0888', '0o77', '01777', ' 077'])
      expect(() => umask(bad)).toThrow(/^annotation davit\.umask: must be three octal digits/);
  });
});
