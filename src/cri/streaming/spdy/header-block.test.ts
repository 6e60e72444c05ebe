import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { HeaderDeflater, HeaderInflater, MAX_BLOCK_BYTES, MAX_HEADERS } from './header-block.ts';
import { headerBlock, u32 } from './test-client.ts';
import { bytesOf, randomFrom } from './test-random.ts';

describe('headerDictionary()', () => {
  it('is what the checksum in every first header block says', () => {
    const bytes = headerDictionary();
    expect(bytes).toHaveLength(1423);
    let [low, high] = [1, 0];
    for (const byte of bytes) {
      low = (low + byte) % 65_521;
      high = (high + low) % 65_521;
    }
    expect((high * 65_536 + low).toString(16)).toBe('e3c6a7c2');
  });
});

describe('HeaderInflater', () => {
  it('reads what the deflater writes, block after block', async () => {
    using inflater = new HeaderInflater();
    const deflater = new HeaderDeflater();
    expect(await inflater.read(deflater.write([]))).toEqual(new Map());
    const headers = [
      ['streamtype', 'error'],
      ['port', '80'],
    ] as const;
    expect(await inflater.read(deflater.write(headers))).toEqual(new Map(headers));
    expect(await inflater.read(deflater.write(headers))).toEqual(new Map(headers));
  });

  it('gives names in lower case, and none of them is special', async () => {
    using inflater = new HeaderInflater();
    const headers = await inflater.read(
      compressed(
        headerBlock([
          ['StreamType', 'data'],
          ['__proto__', 'x'],
        ]),
      ),
    );
    expect([...headers]).toEqual([
      ['streamtype', 'data'],
      ['__proto__', 'x'],
    ]);
  });

  it.each<[string, Buffer]>([
    ['too many headers', u32(MAX_HEADERS + 1)],
    ['a count of 2^32 - 1', u32(0xffff_ffff)],
    ['a text longer than the block', Buffer.concat([u32(1), u32(100), Buffer.from('short')])],
    ['a text of 2^32 - 1 bytes', Buffer.concat([u32(1), u32(0xffff_ffff)])],
    ['no count', Buffer.from([0, 0])],
    ['nothing', Buffer.alloc(0)],
    ['a block that inflates to 32 MiB', Buffer.alloc(32 * 1024 * 1024)],
    ['a little too large a block', headerBlock([['a', 'b'.repeat(MAX_BLOCK_BYTES)]])],
  ])('CVE-2026-35469: refuses %s', async (_, block) => {
    using inflater = new HeaderInflater();
    const before = process.memoryUsage().external;
    await expect(inflater.read(compressed(block))).rejects.toMatchObject({ kind: 'invalid-argument' });
    expect(process.memoryUsage().external - before).toBeLessThan(8 * 1024 * 1024);
  });

  it('reads nothing more after damage', async () => {
    using inflater = new HeaderInflater();
    await expect(inflater.read(Buffer.from('no zlib'))).rejects.toMatchObject({ kind: 'invalid-argument' });
    await expect(inflater.read(compressed(headerBlock([])))).rejects.toMatchObject({ kind: 'invalid-argument' });
  });

  it('settles on random and damaged blocks', async () => {
    const random = randomFrom(2);
    for (let round = 0; round < 300; round++) {
      using inflater = new HeaderInflater();
      const block = compressed(headerBlock([['streamtype', 'data']]));
      const damaged = round % 2 === 0 ? bytesOf(random, random(100)) : flipped(block, random(block.length));
      const outcome = await inflater.read(damaged).then(
        (headers) => headers.size,
        (error: unknown) => (error as Error).message,
      );
      expect(outcome).toBeDefined();
    }
  });

  it('gives up a read when it is closed', async () => {
    const inflater = new HeaderInflater();
    const reading = inflater.read(Buffer.from('78bb', 'hex'));
    inflater[Symbol.dispose]();
    await expect(reading).rejects.toMatchObject({ kind: 'invalid-argument' });
  });
});

function compressed(block: Buffer): Buffer {
  return deflateSync(block, { dictionary: headerDictionary() });
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x55, at);
  return copy;
}
