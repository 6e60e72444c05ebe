import { describe, expect, it } from 'vitest';
import type { Image } from '../../engine/index.ts';
import { anImage } from '../fake-engine.ts';
import * as cri from '../generated/cri.js';
import { fromFsInfo, fromImage, fromImageConfig, toImageFilter, toImageName, toPullRequest } from './image.ts';

function pull(fields: cri.IPullImageRequest) {
  return toPullRequest(cri.PullImageRequest.decode(cri.PullImageRequest.encode(fields).finish()));
}

function messageOf(image: Image): cri.Image {
  return cri.Image.decode(cri.Image.encode(fromImage(image)).finish());
}

describe('toPullRequest()', () => {
  it('takes an empty auth message for no credentials', () => {
    expect(pull({ image: { image: 'app:1' }, auth: {} })).toEqual({ image: 'app:1' });
  });

  it('carries credentials and the pod', () => {
    const metadata = { name: 'web', uid: 'u', namespace: 'n', attempt: 0 };
    const auth = { username: 'me', password: 'x', serverAddress: 'r.example' };
    const request = pull({ image: { image: 'app:1' }, auth, sandboxConfig: { metadata } });
    expect(request).toEqual({ image: 'app:1', auth, sandbox: metadata });
  });

  it('names a missing image', () => {
    expect(() => pull({})).toThrow('image: is required');
    expect(() => pull({ image: {} })).toThrow('image.image: is required');
  });
});

describe('toImageName()', () => {
  it.each(['a b', 'a\n', 'ü', 'a'.repeat(1025)])('refuses %j', (image) => {
    expect(() => toImageName('image', cri.ImageSpec.create({ image }))).toThrow(
      'image.image: is not an image reference',
    );
  });
});

describe('toImageFilter()', () => {
  it('asks for everything without a name', () => {
    expect(toImageFilter(null)).toBeUndefined();
    expect(toImageFilter(cri.ImageFilter.create({ image: cri.ImageSpec.create({ image: '' }) }))).toBeUndefined();
    expect(toImageFilter(cri.ImageFilter.create({ image: cri.ImageSpec.create({ image: 'a' }) }))).toBe('a');
  });
});

describe('fromImage()', () => {
  it('tells a uid of 0 from none', () => {
    expect(messageOf(anImage(1, { user: { uid: 0 } })).uid?.value.toNumber()).toBe(0);
    expect(messageOf(anImage(1, { user: { username: 'www' } }))).toMatchObject({ uid: null, username: 'www' });
  });

  it('carries sizes beyond 32 bits', () => {
    expect(messageOf(anImage(1, { sizeBytes: 2 ** 40 })).size.toNumber()).toBe(2 ** 40);
  });
});

describe('fromImageConfig()', () => {
  it('names fields as the image specification does', () => {
    const image = anImage(1);
    expect(fromImageConfig(image)).toMatchObject({
      chainID: image.chainId,
      imageSpec: { config: { Cmd: ['/pause'] } },
    });
  });
});

describe('fromFsInfo()', () => {
  it('keeps the mountpoint and the figures', () => {
    const usage = { mountpoint: '/var/lib/x', usedBytes: 2 ** 40, inodesUsed: 5, timestamp: 7n };
    const info = fromFsInfo({ imageFilesystems: [usage], containerFilesystems: [] });
    const decoded = cri.ImageFsInfoResponse.decode(cri.ImageFsInfoResponse.encode(info).finish());
    expect(decoded.imageFilesystems[0]?.fsId?.mountpoint).toBe('/var/lib/x');
    expect(decoded.imageFilesystems[0]?.usedBytes?.value.toNumber()).toBe(2 ** 40);
    expect(decoded.containerFilesystems).toEqual([]);
  });
});
