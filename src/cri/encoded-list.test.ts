import { describe, expect, it } from 'vitest';
import { fromContainer } from './convert/container-status.ts';
import { createListEncoder } from './encoded-list.ts';
import { aContainer } from './fake-engine.ts';
import { Container, ListContainersResponse } from './generated/cri.js';

describe('createListEncoder()', () => {
  const containers = Array.from({ length: 50 }, (_, n) => aContainer(n));

  it('gives the bytes of the plain encoding', () => {
    const encode = createListEncoder((item: (typeof containers)[number]) =>
      Container.encode(fromContainer(item)).finish(),
    );
    const plain = ListContainersResponse.encode({ containers: containers.map(fromContainer) }).finish();
    expect(encode(containers).equals(plain)).toBe(true);
    expect(encode(containers).equals(plain)).toBe(true);
    expect(ListContainersResponse.decode(encode(containers.slice(3, 5))).containers).toHaveLength(2);
  });

  it('is empty without items', () => {
    const encode = createListEncoder(() => Buffer.alloc(0));
    expect(encode([])).toHaveLength(0);
  });

  it('encodes an object once, and its successor anew', () => {
    const encoded: object[] = [];
    const encode = createListEncoder((item: object) => {
      encoded.push(item);
      return Buffer.from('x');
    });
    const [a, b] = [{}, {}];
    encode([a, b]);
    encode([b, a, a]);
    expect(encoded).toEqual([a, b]);
    encode([{ ...a }, b]);
    expect(encoded).toHaveLength(3);
  });
});
