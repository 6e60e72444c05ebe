import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { PumpStatus } from '../engine/index.ts';
import { addOutputMetrics } from './output-metrics.ts';

const STATUS: PumpStatus = {
  pid: 1,
  version: '1.2.3',
  startedAtMs: 12_500,
  open: 4,
  ended: 3,
  damaged: 2,
  stalled: 1,
  bytes: 1000,
  lines: 10,
  lostBytes: 7,
  stalls: 2,
  stalledMs: 1500,
  reopens: 5,
  unguardedEnds: 6,
};

async function linesOf(registry: Registry): Promise<readonly string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('addOutputMetrics()', () => {
  it('shows what the pump says, asking once for all of it', async () => {
    const registry = new Registry();
    let asked = 0;
    const outputStatus = async (): Promise<PumpStatus> => {
      asked++;
      return STATUS;
    };
    addOutputMetrics(registry, { outputStatus, outputHealth: () => ({ silentMs: 4000, replacements: 8 }) });
    expect(await linesOf(registry)).toEqual([
      'davit_output_bytes_total 1000',
      'davit_output_lines_total 10',
      'davit_output_lost_bytes_total 7',
      'davit_output_unguarded_ends_total 6',
      'davit_output_stalls_total 2',
      'davit_output_stalled_seconds_total 1.5',
      'davit_log_reopens_total 5',
      'davit_pump_start_time_seconds{version="1.2.3"} 12.5',
      'davit_output_containers{state="open"} 4',
      'davit_output_containers{state="ended"} 3',
      'davit_output_containers{state="damaged"} 2',
      'davit_output_containers{state="stalled"} 1',
      'davit_pump_silent_seconds 4',
      'davit_pump_replacements_total 8',
    ]);
    expect(asked).toBe(1);
  });

  it('shows what it said last while it is away, and counts anew with the next one', async () => {
    const registry = new Registry();
    const answers = [
      async () => STATUS,
      () => Promise.reject(new Error('away')),
      async () => ({ ...STATUS, bytes: 5 }),
    ];
    let scrape = 0;
    addOutputMetrics(registry, {
      outputStatus: () => (answers[scrape] ?? (async () => STATUS))(),
      outputHealth: () => ({ silentMs: 0, replacements: 0 }),
    });
    for (const expected of [1000, 1000, 5]) {
      expect((await linesOf(registry))[0]).toBe(`davit_output_bytes_total ${expected}`);
      scrape++;
    }
  });
});
