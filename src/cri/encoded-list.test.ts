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
    expect(encode.whole(containers).equals(plain)).toBe(true);
    expect(encode.whole(containers).equals(plain)).toBe(true);
    expect(ListContainersResponse.decode(encode.whole(containers.slice(3, 5))).containers).toHaveLength(2);
  });

  it('is empty without items', () => {
    const encode = createListEncoder(() => Buffer.alloc(0));
    expect(encode.whole([])).toHaveLength(0);
    expect([...encode.parts([])]).toEqual([]);
  });

  it('puts every item in exactly one part, each below the limit', () => {
    const encode = createListEncoder(
      (item: (typeof containers)[number]) => Container.encode(fromContainer(item)).finish(),
      1_000,
    );
    const parts = [...encode.parts(containers)];
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.filter((part) => part.length > 1_000)).toEqual([]);
    const ids = parts.flatMap((part) => ListContainersResponse.decode(part).containers.map(({ id }) => id));
    expect(ids).toEqual(containers.map(({ id }) => id));
  });

  it('gives an item that is larger than a part one of its own', () => {
    const encode = createListEncoder((item: { readonly size: number }) => Buffer.alloc(item.size), 100);
    const parts = [...encode.parts([{ size: 10 }, { size: 500 }, { size: 10 }, { size: 10 }])];
    expect(parts.map((part) => part.length)).toEqual([12, 503, 24]);
  });

  it('encodes an object once, and its successor anew', () => {
    const encoded: object[] = [];
    const encode = createListEncoder((item: object) => {
      encoded.push(item);
      return Buffer.from('x');
    });
    const [a, b] = [{}, {}];
    encode.whole([a, b]);
    encode.whole([b, a, a]);
    expect(encoded).toEqual([a, b]);
    encode.whole([{ ...a }, b]);
    expect(encoded).toHaveLength(3);
  });
});
