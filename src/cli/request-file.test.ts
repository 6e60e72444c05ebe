import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { loadRoot } from '../../hack/lib/load-protos.ts';
import { ContainerConfig, MountPropagation, NamespaceMode, PodSandboxConfig } from '../cri/generated/cri.js';
import { REQUEST_ENUMS } from './enums.ts';
import { decodeJson, ENVIRONMENT, MAP_FIELDS } from './request-file.ts';

describe('decodeJson()', () => {
  it('takes names in snake case and in camel case, and enums by name and by number', () => {
    const pod = decodeJson(
      PodSandboxConfig,
      {
        metadata: { name: 'a', uid: 'u', namespace: 'n', attempt: 1 },
        log_directory: '/logs',
        dnsConfig: { servers: ['1.1.1.1'] },
        port_mappings: [{ protocol: 'UDP', container_port: 53, host_port: 5353 }],
        labels: { snake_case: 'x', camelCase: 'y' },
        hostname: null,
        linux: { security_context: { namespace_options: { network: 'NODE', pid: 1 }, run_as_user: { value: 1000 } } },
      },
      'pod.json',
    );
    expect(pod.metadata?.attempt).toBe(1);
    expect(pod.logDirectory).toBe('/logs');
    expect(pod.dnsConfig?.servers).toEqual(['1.1.1.1']);
    expect(pod.portMappings[0]).toMatchObject({ protocol: 1, containerPort: 53, hostPort: 5353 });
    expect(pod.labels).toEqual({ snake_case: 'x', camelCase: 'y' });
    expect(pod.linux?.securityContext?.namespaceOptions?.network).toBe(NamespaceMode.NODE);
    expect(pod.linux?.securityContext?.runAsUser?.value.toNumber()).toBe(1000);
  });

  it('takes 64-bit numbers as text', () => {
    const json = {
      linux: { resources: { memory_limit_in_bytes: '9007199254740993', unified: { 'memory.high': '1' } } },
    };
    const resources = decodeJson(ContainerConfig, json, 'c.json').linux?.resources;
    expect(resources?.memoryLimitInBytes.toString()).toBe('9007199254740993');
    expect(resources?.unified).toEqual({ 'memory.high': '1' });
  });

  it('reads mounts, environment and empty values', () => {
    const json = {
      image: { image: 'busybox' },
      command: [],
      envs: [
        { key: 'A', value: '' },
        { key: 'B', value: 'ü=' },
      ],
      mounts: [{ container_path: '/a', host_path: '/b', propagation: 'PROPAGATION_BIDIRECTIONAL', readonly: false }],
      annotations: {},
      tty: false,
    };
    const config = decodeJson(ContainerConfig, json, 'c.json');
    expect(config.mounts[0]).toMatchObject({ propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL });
    expect(config.envs.map((env) => [env.key, Buffer.from(env.value).toString()])).toEqual([
      ['A', ''],
      ['B', 'ü='],
    ]);
  });

  it.each<[object, string]>([
    [{ imag: { image: 'x' } }, 'imag: there is no such field'],
    [{ image: { name: 'x' } }, 'image.name: there is no such field'],
    [{ constructor: 1 }, 'constructor: there is no such field'],
    [{ image: 'busybox' }, 'image: "busybox" has the wrong type'],
    [{ command: 'sh' }, 'command: "sh" has the wrong type'],
    [{ command: [1] }, 'command[0]: 1 has the wrong type'],
    [{ labels: { a: 1 } }, 'labels.a: 1 has the wrong type'],
    [{ envs: [{ key: 'A', value: 1 }] }, 'envs[0].value: 1 has the wrong type'],
    [{ tty: 'yes' }, 'tty: "yes" has the wrong type'],
    [{ metadata: { attempt: 'x' } }, 'metadata.attempt: "x" has the wrong type'],
    [{ metadata: { attempt: 1.5 } }, 'metadata.attempt: 1.5 has the wrong type'],
    [{ linux: { resources: { cpu_quota: 1.5 } } }, 'linux.resources.cpuQuota: 1.5 has the wrong type'],
    [{ mounts: [{ propagation: 'SIDEWAYS' }] }, 'mounts[0].propagation: "SIDEWAYS" has the wrong type'],
    [{ linux: { resources: { cpu_quota: 'x' } } }, 'c.json: '],
  ])('refuses %j and names the field', (json, message) => {
    expect(() => decodeJson(ContainerConfig, { ...json }, 'c.json')).toThrow(message);
  });
});

describe('what is known of the fields by name', () => {
  const root = loadRoot(join(import.meta.dirname, '../../proto/cri'), ['api.proto']);
  const fields = ['PodSandboxConfig', 'ContainerConfig'].flatMap((name) => [...reachable(root.lookupType(name))]);

  it('covers the maps of pods and containers, and no other field has such a name', () => {
    expect(new Set(fields.filter((field) => field.map).map((field) => field.name))).toEqual(MAP_FIELDS);
    expect(fields.filter((field) => !field.map && MAP_FIELDS.has(field.name))).toEqual([]);
  });

  it('covers their bytes', () => {
    expect(fields.filter((field) => field.type === 'bytes').map((field) => field.fullName)).toEqual([
      '.runtime.v1.KeyValue.value',
    ]);
    const holders = fields.filter((field) => field.type === 'KeyValue').map((field) => field.name);
    expect(holders).toEqual([ENVIRONMENT]);
  });

  it('covers their enums', () => {
    const enums = fields.filter((field) => field.resolvedType instanceof protobuf.Enum);
    for (const field of enums) {
      const values = field.resolvedType instanceof protobuf.Enum ? field.resolvedType.values : {};
      expect([field.fullName, REQUEST_ENUMS.get(field.name)]).toEqual([
        field.fullName,
        expect.objectContaining(values),
      ]);
    }
    expect(enums.length).toBeGreaterThan(5);
  });
});

function* reachable(type: protobuf.Type, seen = new Set<protobuf.Type>()): Generator<protobuf.Field> {
  if (seen.has(type)) return;
  seen.add(type);
  for (const field of type.fieldsArray) {
    yield field;
    if (field.resolvedType instanceof protobuf.Type) yield* reachable(field.resolvedType, seen);
  }
}
