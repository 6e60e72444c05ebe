import { Counter, Gauge, type Registry } from 'prom-client';
import type { Engine, PumpHealth, PumpStatus } from '../engine/index.ts';

/** A pump that does not answer in this time is shown with what it said last. */
const ASK_DEADLINE_MS = 500;
const STATES = ['open', 'ended', 'damaged', 'stalled'] as const;

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly of: (status: PumpStatus) => number;
}

const COUNTERS: readonly Figure[] = [
  {
    name: 'davit_output_bytes_total',
    help: "Bytes of containers' output that were taken.",
    of: (status) => status.bytes,
  },
  { name: 'davit_output_lines_total', help: 'Lines written to logs.', of: (status) => status.lines },
  {
    name: 'davit_output_lost_bytes_total',
    help: 'Bytes of output that no log could take before their container was removed, or that a damaged state gave up.',
    of: (status) => status.lostBytes,
  },
  {
    name: 'davit_output_unguarded_ends_total',
    help: 'Containers that ended while neither davitd nor davit-pump ran: up to 1 MiB of the output of each is lost.',
    of: (status) => status.unguardedEnds ?? 0,
  },
  {
    name: 'davit_output_stalls_total',
    help: 'Times that a log or journal could not be written, and its container had to wait.',
    of: (status) => status.stalls,
  },
  {
    name: 'davit_output_stalled_seconds_total',
    help: 'How long containers had to wait for such writes, once they went on.',
    of: (status) => status.stalledMs / 1000,
  },
  {
    name: 'davit_log_reopens_total',
    help: 'Logs that were opened anew, for a rotation.',
    of: (status) => status.reopens,
  },
];

/**
 * What davit-pump counts, which starts at 0 with each pump: davit_pump_start_time_seconds says when. Read at each scrape.
 * And what davitd knows of the pump's life, which is there when that answers nothing.
 */
export function addOutputMetrics(registry: Registry, engine: Pick<Engine, 'outputStatus' | 'outputHealth'>): void {
  let last: PumpStatus | undefined;
  let asking: Promise<void> | undefined;
  const ask = async (): Promise<PumpStatus | undefined> => {
    // One question for all figures of a scrape.
    asking ??= engine
      .outputStatus(AbortSignal.timeout(ASK_DEADLINE_MS))
      .then((status) => {
        last = status;
      })
      .catch(() => undefined)
      .finally(() => {
        asking = undefined;
      });
    await asking;
    return last;
  };
  for (const { name, help, of } of COUNTERS) registry.registerMetric(counterOf(name, help, ask, of));
  registry.registerMetric(startTime(ask));
  registry.registerMetric(states(ask));
  registry.registerMetric(silence(() => engine.outputHealth()));
  registry.registerMetric(replacements(() => engine.outputHealth()));
}

type Ask = () => Promise<PumpStatus | undefined>;

function counterOf(name: string, help: string, ask: Ask, of: Figure['of']): Counter {
  return new Counter({
    name,
    help,
    registers: [],
    async collect() {
      const status = await ask();
      if (status === undefined) return;
      this.reset();
      this.inc(of(status));
    },
  });
}

function startTime(ask: Ask): Gauge {
  return new Gauge({
    name: 'davit_pump_start_time_seconds',
    help: 'When davit-pump started, in seconds since 1970; the label says which davit it is of.',
    labelNames: ['version'],
    registers: [],
    async collect() {
      const status = await ask();
      if (status === undefined) return;
      this.reset();
      this.set({ version: status.version }, status.startedAtMs / 1000);
    },
  });
}

function states(ask: Ask): Gauge {
  return new Gauge({
    name: 'davit_output_containers',
    help: "Containers whose output davit-pump holds, by the output's state; stalled ones are open, too.",
    labelNames: ['state'],
    registers: [],
    async collect() {
      const status = await ask();
      if (status !== undefined) for (const state of STATES) this.set({ state }, status[state]);
    },
  });
}

function silence(health: () => PumpHealth): Gauge {
  return new Gauge({
    name: 'davit_pump_silent_seconds',
    help: 'How long davit-pump has not answered davitd, 0 while it does: the output of all containers waits.',
    registers: [],
    collect() {
      this.set(health().silentMs / 1000);
    },
  });
}

function replacements(health: () => PumpHealth): Counter {
  return new Counter({
    name: 'davit_pump_replacements_total',
    help: 'Times that davit-pump hung, and the next one was started in its place.',
    registers: [],
    collect() {
      this.reset();
      this.inc(health().replacements);
    },
  });
}
