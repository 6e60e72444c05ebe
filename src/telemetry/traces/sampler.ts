import type { SpanContext } from './traceparent.ts';

/** Decides whether a new root span, with or without a parent elsewhere, is sent. */
export type Sampler = (traceId: string, parent: SpanContext | undefined) => boolean;

const PARENT_BASED = 'parentbased_';
/** The low 7 bytes of a trace id are random: a share of them is a share of the traces, the same one everywhere. */
const RANDOM_DIGITS = 14;
const RANDOM_RANGE = 2 ** 56;

/** By OTEL_TRACES_SAMPLER and its argument. Throws an Error that names the variable. */
export function parseSampler(name = 'parentbased_always_on', argument = '1'): Sampler {
  const isParentBased = name.startsWith(PARENT_BASED);
  const own = ratioOf(isParentBased ? name.slice(PARENT_BASED.length) : name, argument);
  if (own === undefined) {
    throw new Error(
      `OTEL_TRACES_SAMPLER=${name} with OTEL_TRACES_SAMPLER_ARG=${argument}: expected always_on, always_off or ` +
        'traceidratio with a number from 0 to 1, each also behind parentbased_',
    );
  }
  const byId: Sampler = (traceId) => Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) < own * RANDOM_RANGE;
  return isParentBased ? (traceId, parent) => parent?.sampled ?? byId(traceId, parent) : byId;
}

function ratioOf(name: string, argument: string): number | undefined {
  if (name === 'always_on') return 1;
  if (name === 'always_off') return 0;
  const ratio = Number(argument);
  return name === 'traceidratio' && argument.trim() !== '' && ratio >= 0 && ratio <= 1 ? ratio : undefined;
}
