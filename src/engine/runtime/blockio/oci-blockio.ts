import type { OciBlockio, OciDeviceRate } from '../spec/index.ts';
import type { BlockDevice } from './block-devices.ts';
import type { BlockioLimit, BlockioRule } from './classes.ts';

/** A rule with the disks that its patterns stand for. */
export interface ResolvedRule extends Omit<BlockioRule, 'devices'> {
  /** Absent: it is for all. */
  readonly devices?: readonly BlockDevice[];
}

/** `notices`: what of a class this kernel cannot give. */
export interface BlockioPlan {
  readonly blockio: OciBlockio;
  readonly notices: readonly string[];
}

const FIELDS = {
  readBps: 'throttleReadBpsDevice',
  writeBps: 'throttleWriteBpsDevice',
  readIops: 'throttleReadIOPSDevice',
  writeIops: 'throttleWriteIOPSDevice',
} as const satisfies Record<BlockioLimit, keyof OciBlockio>;

/** A class as the OCI runtime takes it. Pure. Weights are told, not asked for, where no scheduler has them. */
export function ociBlockio(rules: readonly ResolvedRule[], hasWeights: boolean): BlockioPlan {
  const weights = new PerDevice();
  const limits = new Map(Object.keys(FIELDS).map((name) => [name as BlockioLimit, new PerDevice()]));
  let weight: number | undefined;
  for (const rule of rules) {
    if (rule.devices === undefined) weight = rule.weight ?? weight;
    for (const device of rule.devices ?? []) {
      if (rule.weight !== undefined) weights.set(device, rule.weight);
      for (const [name, per] of limits) {
        const rate = rule.limits[name];
        if (rate !== undefined) per.set(device, rate);
      }
    }
  }
  const wanted = weight !== undefined || weights.size > 0;
  const given = hasWeights && wanted;
  return {
    blockio: {
      ...(given && weight !== undefined ? { weight } : {}),
      ...(given && weights.size > 0
        ? { weightDevice: weights.entries.map(({ device, value }) => ({ ...device, weight: value })) }
        : {}),
      ...throttles(limits),
    },
    notices: wanted && !hasWeights ? ['no I/O scheduler of this kernel has weights'] : [],
  };
}

/** No limit is what a cgroup begins with. */
function throttles(limits: ReadonlyMap<BlockioLimit, PerDevice>): Partial<Record<string, readonly OciDeviceRate[]>> {
  const parts = [...limits].map(([name, per]) => {
    const rates = per.entries.filter(({ value }) => value > 0);
    return [FIELDS[name], rates.map(({ device, value }) => ({ ...device, rate: value }))] as const;
  });
  return Object.fromEntries(parts.filter(([, rates]) => rates.length > 0));
}

/** One number for each device, the last that was set. */
class PerDevice {
  readonly #values = new Map<string, { readonly device: BlockDevice; readonly value: number }>();

  set({ major, minor }: BlockDevice, value: number): void {
    this.#values.set(`${major}:${minor}`, { device: { major, minor }, value });
  }

  get size(): number {
    return this.#values.size;
  }

  get entries(): readonly { readonly device: BlockDevice; readonly value: number }[] {
    return [...this.#values.values()];
  }
}
