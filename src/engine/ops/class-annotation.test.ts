import { describe, expect, it } from 'vitest';
import { classAsked } from './class-annotation.ts';

const POD = 'blockio.resources.beta.kubernetes.io/pod';
const ONE = 'blockio.resources.beta.kubernetes.io/container.web';
const OWN = 'io.kubernetes.cri.blockio-class';

function asked(pod: Readonly<Record<string, string>>, container: Readonly<Record<string, string>> = {}) {
  return classAsked('blockio', { containerName: 'web', container, pod });
}

describe('classAsked()', () => {
  it('prefers the container’s own annotation to the pod’s for it, and that to the pod’s for all', () => {
    expect(asked({ [POD]: 'all', [ONE]: 'one' }, { [OWN]: 'own' })).toEqual({ annotation: OWN, name: 'own' });
    expect(asked({ [POD]: 'all', [ONE]: 'one' })).toEqual({ annotation: ONE, name: 'one' });
    expect(asked({ [POD]: 'all', 'blockio.resources.beta.kubernetes.io/container.db': 'x' })).toEqual({
      annotation: POD,
      name: 'all',
    });
  });

  it('is none for other kinds and other places; an empty one takes a container out', () => {
    expect(asked({})).toBeUndefined();
    expect(asked({ [OWN]: 'x', 'rdt.resources.beta.kubernetes.io/pod': 'x' }, { [POD]: 'x' })).toBeUndefined();
    expect(asked({ [POD]: 'all', [ONE]: '' })).toBeUndefined();
  });
});
