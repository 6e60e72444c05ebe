import Long from 'long';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { loadRoot } from '../../hack/lib/load-protos.ts';
import * as cri from '../cri/generated/cri.js';
import { enumOf } from './enums.ts';
import { toJson, toJsonWithInfo } from './to-json.ts';

describe('toJson()', () => {
  it('shows every field, enums by name and 64-bit numbers as text', () => {
    const reply = cri.ListPodSandboxResponse.create({
      items: [
        cri.PodSandbox.create({
          id: 'x',
          state: cri.PodSandboxState.SANDBOX_NOTREADY,
          createdAt: Long.fromString('1700000000123456789'),
          labels: { __proto__x: 'y' },
        }),
      ],
    });
    const json = toJson(cri.ListPodSandboxResponse.decode(cri.ListPodSandboxResponse.encode(reply).finish()));
    expect(json).toEqual({
      items: [
        {
          id: 'x',
          metadata: null,
          state: 'SANDBOX_NOTREADY',
          createdAt: '1700000000123456789',
          labels: { __proto__x: 'y' },
          annotations: {},
          runtimeHandler: '',
        },
      ],
    });
  });

  it('shows bytes in base64 and an enum value of tomorrow as its number', () => {
    expect(toJson(cri.ExecSyncResponse.create({ stdout: Buffer.from('hi') }))).toMatchObject({ stdout: 'aGk=' });
    const tomorrow = cri.PodSandbox.decode(Buffer.of((3 << 3) | 0, 77));
    expect(toJson(tomorrow)).toMatchObject({ state: 77 });
  });

  it.each([
    'ListPodSandboxResponse',
    'ListContainersResponse',
    'ListImagesResponse',
    'ContainerStatusResponse',
    'PodSandboxStatusResponse',
    'StatusResponse',
    'VersionResponse',
  ])('knows all enums of %s', (name) => {
    const root = loadRoot(join(import.meta.dirname, '../../proto/cri'), ['api.proto']);
    for (const [type, field] of enumFields(root.lookupType(name))) {
      const message: unknown = Reflect.get(cri, type.name);
      if (typeof message !== 'function') throw new Error(`${type.name} is not generated`);
      expect([type.name, field, enumOf(message.prototype as object, field)]).toEqual([
        type.name,
        field,
        expect.any(Object),
      ]);
    }
  });
});

describe('toJsonWithInfo()', () => {
  it('opens what is JSON in info, keeps what is none, and puts it last', () => {
    const reply = cri.ContainerStatusResponse.create({ info: { a: '{"b":1}', c: 'plain {' } });
    const json = toJsonWithInfo(reply);
    expect(json).toEqual({ status: null, info: { a: { b: 1 }, c: 'plain {' } });
    expect(Object.keys(json).at(-1)).toBe('info');
  });
});

function* enumFields(type: protobuf.Type, seen = new Set<protobuf.Type>()): Generator<[protobuf.Type, string]> {
  if (seen.has(type)) return;
  seen.add(type);
  for (const field of type.fieldsArray) {
    if (field.resolvedType instanceof protobuf.Enum) yield [type, field.name];
    if (field.resolvedType instanceof protobuf.Type) yield* enumFields(field.resolvedType, seen);
  }
}
