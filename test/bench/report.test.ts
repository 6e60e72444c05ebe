import { describe, expect, it } from 'vitest';
import { select } from './measures.ts';
import { summarise, table } from './report.ts';
import { Samples } from './samples.ts';

describe('summarise()', () => {
  it('compares medians over rounds and shows the fastest and the slowest round', () => {
    const samples = sampled([2, 4, 3], [6, 5, 40]);
    expect(summarise(samples, new Set(['create']))).toEqual([
      {
        name: 'CreateContainer',
        unit: 'ms',
        davit: 3,
        peer: 6,
        ratio: 0.5,
        goal: 1,
        holds: true,
        spread: { davit: [2, 4], peer: [5, 40] },
      },
    ]);
  });

  it('compares throughput the other way round: less than 1 is always faster', () => {
    const samples = new Samples();
    samples.recorder('davit', 0)('execStdout', 300);
    samples.recorder('peer', 0)('execStdout', 150);
    const [measure] = summarise(samples, new Set(['execStdout']));
    expect(measure).toMatchObject({ unit: 'MB/s', davit: 300, peer: 150, ratio: 0.5, holds: true });
  });

  it('tells that a goal does not hold', () => {
    const [measure] = summarise(sampled([3], [2]), new Set(['create']));
    expect(measure).toMatchObject({ ratio: 1.5, holds: false });
  });

  it('holds what is used at rest to 5 % of a processor, too', () => {
    const holds = [50, 51].map((davit) => {
      const samples = new Samples();
      samples.recorder('davit', 0)('atRest', davit);
      samples.recorder('peer', 0)('atRest', 100);
      return summarise(samples, new Set(['atRest']))[0]?.holds;
    });
    expect(holds).toEqual([true, false]);
  });

  it('passes over what was left out, and refuses what is missing', () => {
    const samples = sampled([3], [2]);
    expect(() => summarise(samples, new Set(['create', 'exec']))).toThrow('ExecSync');
    samples.leaveOut('exec', 'not there');
    expect(summarise(samples, new Set(['create', 'exec']))).toHaveLength(1);
  });
});

describe('table()', () => {
  it('has a line for each measure', () => {
    const lines = table(summarise(sampled([3], [2]), new Set(['create']))).split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['measure', 'unit', 'davit', 'spread', 'peer', 'spread', 'ratio', 'goal', 'holds'],
      ['CreateContainer', 'ms', '3.00', '3.00–3.00', '2.00', '2.00–2.00', '1.50', '1.00', 'NO'],
    ]);
  });
});

describe('select()', () => {
  it('takes what holds the text, or what the text names exactly', () => {
    expect(select('host NETWORK')).toEqual(new Set(['runHost', 'stopHost', 'removeHost']));
    expect(select('createcontainer')).toEqual(new Set(['create']));
    expect(select('nonsense').size).toBe(0);
  });
});

function sampled(davit: readonly number[], peer: readonly number[]): Samples {
  const samples = new Samples();
  for (const [side, rounds] of Object.entries({ davit, peer })) {
    for (const [round, ms] of rounds.entries()) samples.recorder(side as 'davit' | 'peer', round)('create', ms);
  }
  return samples;
}
