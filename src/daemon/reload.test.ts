import { beforeEach, describe, expect, it } from 'vitest';
import { checkConfig, loadConfig } from '../config/index.ts';
import type { Config, ConfigFiles } from '../config/index.ts';
import { EngineError } from '../engine/index.ts';
import { Reloader } from './reload.ts';

let text: string;
let given: Config[];
let lines: { readonly level: string; readonly fields: object; readonly message: string }[];
let held: readonly 'handlers'[];
let refusal: Error | undefined;
let reloader: Reloader;
let logger: ReturnType<typeof recordingLogger>;

const ARGV = ['--config', '/c'];

function log(level: string): (fields: object, message: string) => void {
  return (fields, message) => void lines.push({ level, fields, message });
}

function recordingLogger() {
  return { level: 'info', info: log('info'), warn: log('warn'), error: log('error') };
}

beforeEach(() => {
  text = '';
  given = [];
  lines = [];
  held = [];
  refusal = undefined;
  logger = recordingLogger();
  const files: ConfigFiles = { readFile: () => Buffer.from(text), listDir: () => [] };
  reloader = new Reloader(loadConfig(ARGV, files), {
    read: () => checkConfig(ARGV, files),
    runtime: {
      reload: async (config) => {
        if (refusal !== undefined) throw refusal;
        given.push(config as Config);
        return held;
      },
    },
    logger: logger as never,
  });
});

describe('Reloader.reload()', () => {
  it('applies what may change, and names what waits for a restart, each time until then', async () => {
    text = 'log_level = "debug"\nmetrics_address = "127.0.0.1:1"\n[images]\npinned = ["a"]\n';
    expect(await reloader.reload()).toEqual({
      outcome: 'applied',
      applied: ['log_level', 'images.pinned'],
      needRestart: ['metrics_address'],
      problems: [],
    });
    expect(given[0]).toMatchObject({ metricsAddress: '', images: { pinned: ['a'] } });
    expect(logger.level).toBe('debug');
    expect(await reloader.reload()).toMatchObject({ applied: [], needRestart: ['metrics_address'] });
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(2);
  });

  it('changes nothing for a bad file, and says file, line and key of each problem', async () => {
    text = 'log_level = "debug"\n\n[limits]\nconcurent_work = 3\n[images]\npinned = 7\n';
    const report = await reloader.reload();
    expect(report).toMatchObject({ outcome: 'refused', applied: [] });
    expect(report.problems).toHaveLength(2);
    expect(report.problems[0]).toMatch(/^\/c:4: limits\.concurent_work: unknown key/);
    expect(report.problems[1]).toMatch(/^\/c:6: images\.pinned: /);
    expect(given).toEqual([]);
    expect(logger.level).toBe('info');
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });

  it('changes nothing when the engine refuses', async () => {
    text = 'log_level = "debug"';
    refusal = new EngineError('failed-precondition', 'no such runtime');
    expect(await reloader.reload()).toMatchObject({ outcome: 'refused', problems: ['no such runtime'] });
    expect(logger.level).toBe('info');
  });

  it('says which handlers wait for a restart after all', async () => {
    text = '[handlers.other]\n';
    held = ['handlers'];
    expect(await reloader.reload()).toMatchObject({ applied: [], needRestart: ['handlers.other'] });
  });
});
