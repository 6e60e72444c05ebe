import { describe, expect, it } from 'vitest';
import { runc, runtimeOptions } from '../containerd/generated/containerd.js';
import { Options as RunhcsOptions } from '../containerd/generated/hcsshim/runhcs.js';
import { SHIM_OPTIONS } from '../../shim-kinds.ts';
import type { ShimKind } from '../../shim-kinds.ts';
import { encodeOptions } from './container-objects.ts';
import { shimOptions } from './shim-options.ts';

const SAMPLE = { boolean: true, integer: 7, string: '/text' } as const;
/** Words of the configuration that are numbers in the message. */
const WORDS: Readonly<Record<string, string>> = { DebugType: 'ETW', SandboxIsolation: 'HYPERVISOR' };
const TYPES = { runc: 'io.containerd.runc.v2', runhcs: 'io.containerd.runhcs.v1', other: 'io.containerd.kata.v2' };

function encoded(kind: ShimKind, options: Readonly<Record<string, unknown>>) {
  const config = {
    type: TYPES[kind],
    options,
    snapshotter: 's',
    defaultAnnotations: {},
    podAnnotations: [],
    containerAnnotations: [],
    privilegedWithoutHostDevices: false,
    cgroupWritable: false,
    execCpuAffinity: 'all' as const,
  };
  return encodeOptions(shimOptions('x', config, options['SystemdCgroup'] === true ? 'systemd' : 'cgroupfs'));
}

describe('encodeOptions()', () => {
  it('gives no message where nothing is set', () => {
    expect((['runc', 'runhcs', 'other'] as const).map((kind) => encoded(kind, {}))).toEqual([null, null, null]);
  });

  it.each([
    ['runc', 'containerd.runc.v1.Options', runc.Options],
    ['runhcs', 'containerd.runhcs.v1.Options', RunhcsOptions],
    ['other', 'runtimeoptions.v1.Options', runtimeOptions.Options],
  ] as const)('gives %s every option that it takes, each in its field', (kind, typeUrl, message) => {
    for (const [name, type] of Object.entries(SHIM_OPTIONS[kind])) {
      const any = encoded(kind, { [name]: WORDS[name] ?? SAMPLE[type] });
      expect(any?.typeUrl).toBe(typeUrl);
      const decoded: object = message.decode(any?.value ?? new Uint8Array());
      // Fields that are not set are the prototype's; an empty map is always there.
      const set = Object.entries(decoded).filter(
        ([, value]) => typeof value !== 'object' || value instanceof Uint8Array,
      );
      expect(set.map(([field]) => field.toLowerCase())).toEqual([name.toLowerCase()]);
    }
  });
});
