import Long from 'long';
import { describe, expect, it } from 'vitest';
import { content, contentService, google, images, tasksService, taskTypes, types } from './generated/containerd.js';

describe('the generated protobuf code', () => {
  it('gives Buffers to grpc-js and fills defaults when decoding', () => {
    const bytes = tasksService.get.requestSerialize({ containerId: 'a' });
    expect(Buffer.isBuffer(bytes)).toBe(true);
    const request = tasksService.get.requestDeserialize(bytes);
    expect([request.containerId, request.execId]).toEqual(['a', '']);
    expect(tasksService.get.path).toBe('/containerd.services.tasks.v1.Tasks/Get');
  });

  it('uses the Long class that the code imports, and takes numbers too', () => {
    const encoded = content.Info.encode({ digest: 'sha256:0', size: 5 }).finish();
    expect(content.Info.decode(encoded).size).toBeInstanceOf(Long);
    const large = Long.fromString('9007199254740993');
    const info = content.Info.decode(content.Info.encode({ size: large }).finish());
    expect(info.size.toString()).toBe('9007199254740993');
  });

  it('decodes absent messages as null, absent lists and maps as empty', () => {
    const image = images.Image.decode(new Uint8Array());
    expect(image.target).toBeNull();
    expect(image.labels).toEqual({});
    expect(types.Mount.decode(new Uint8Array()).options).toEqual([]);
  });

  it('names enum values both ways', () => {
    expect(taskTypes.Status.STOPPED).toBe(3);
    expect(taskTypes.Status[3]).toBe('STOPPED');
  });

  it('knows which methods stream', () => {
    expect([contentService.write.requestStream, contentService.write.responseStream]).toEqual([true, true]);
    expect([contentService.read.requestStream, contentService.read.responseStream]).toEqual([false, true]);
  });

  it('carries Any payloads as they are', () => {
    const any = google.protobuf.Any.decode(
      google.protobuf.Any.encode({ typeUrl: 'x', value: new Uint8Array([0, 255]) }).finish(),
    );
    expect(any.typeUrl).toBe('x');
    expect([...any.value]).toEqual([0, 255]);
  });
});
