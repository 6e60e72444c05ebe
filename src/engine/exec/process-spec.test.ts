import { describe, expect, it } from 'vitest';
import { execMark, execToken, newExecIds, parseExecId } from './exec-id.ts';
import { execProcess, hardLocksIn, RLIM_INFINITY } from './process-spec.ts';
import type { ExecProcessInput } from './process-spec.ts';

const ID = 'c'.repeat(64);
const CONTAINER = {
  terminal: true,
  consoleSize: { width: 80, height: 24 },
  user: { uid: 1, gid: 2, additionalGids: [3] },
  args: ['own'],
  env: ['PATH=/bin', 'A=b'],
  cwd: '/work',
  capabilities: { bounding: ['CAP_KILL'], effective: [], permitted: [] },
  noNewPrivileges: true,
  apparmorProfile: 'p',
  selinuxLabel: 'l',
  oomScoreAdj: 900,
};

function process(more: Partial<ExecProcessInput> = {}): string {
  const spec = { process: CONTAINER, root: {} };
  return execProcess({
    spec,
    containerId: ID,
    cmd: ['ls', '-l'],
    tty: false,
    cpuAffinity: 'all',
    mark: 77n,
    hardLocks: undefined,
    ...more,
  });
}

describe('execProcess()', () => {
  it("is the container's own process with other arguments", () => {
    const { args: _args, terminal: _terminal, consoleSize: _size, ...same } = CONTAINER;
    expect(JSON.parse(process())).toEqual({ ...same, terminal: false, args: ['ls', '-l'] });
  });

  it('tells programs on a terminal which, unless the container does', () => {
    expect(JSON.parse(process({ tty: true }))).toMatchObject({
      terminal: true,
      env: ['PATH=/bin', 'A=b', 'TERM=xterm'],
    });
    const spec = { process: { ...CONTAINER, env: ['TERM=dumb'] } };
    expect(JSON.parse(process({ spec, tty: true }))).toMatchObject({ env: ['TERM=dumb'] });
  });

  it('has the size of its terminal, and none without a terminal', () => {
    const size = { width: 91, height: 33 };
    expect(JSON.parse(process({ tty: true, size }))).toMatchObject({ consoleSize: size });
    expect(JSON.parse(process({ tty: true }))).not.toHaveProperty('consoleSize');
    expect(JSON.parse(process({ size }))).not.toHaveProperty('consoleSize');
  });

  it("keeps to the first CPU of the container's own, if it is to", () => {
    const spec = { process: CONTAINER, linux: { resources: { cpu: { cpus: '4-7,2' } } } };
    expect(JSON.parse(process({ spec, cpuAffinity: 'first' }))).toMatchObject({ execCPUAffinity: { final: '2' } });
    expect(JSON.parse(process({ spec }))).not.toHaveProperty('execCPUAffinity');
    expect(JSON.parse(process({ cpuAffinity: 'first' }))).not.toHaveProperty('execCPUAffinity');
  });

  it('marks by the soft limit of file locks, and leaves the hard one', () => {
    expect(process({ hardLocks: RLIM_INFINITY })).toMatch(
      /"rlimits":\[\{"type":"RLIMIT_LOCKS","hard":18446744073709551615,"soft":77\}\]\}$/,
    );
    expect(process({ hardLocks: 78n })).toContain('"hard":78,"soft":77');
  });

  it('does not mark where the mark would be no legal limit, or the container has its own', () => {
    expect(process({ hardLocks: 76n })).not.toContain('rlimits');
    const spec = { process: { ...CONTAINER, rlimits: [{ type: 'RLIMIT_LOCKS', hard: 5, soft: 4 }] } };
    expect(process({ spec, hardLocks: RLIM_INFINITY })).toContain(
      '"rlimits":[{"type":"RLIMIT_LOCKS","hard":5,"soft":4}]',
    );
  });

  it("keeps the container's limits, infinite ones too", () => {
    const text = '{"process":{"rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}]}}';
    expect(process({ spec: JSON.parse(text), hardLocks: RLIM_INFINITY })).toContain(
      '"rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024},{"type":"RLIMIT_LOCKS",',
    );
  });

  it('does not make up a process', () => {
    expect(() => process({ spec: {} })).toThrow(`container ${ID} has no process`);
  });
});

describe('hardLocksIn()', () => {
  it('reads /proc/<pid>/limits', () => {
    const limits = 'Limit  Soft Limit  Hard Limit  Units\nMax file locks            12        unlimited     locks\n';
    expect(hardLocksIn(limits)).toBe(RLIM_INFINITY);
    expect(hardLocksIn(limits.replace('unlimited', '99'))).toBe(99n);
    expect(hardLocksIn('')).toBeUndefined();
  });
});

describe('newExecIds()', () => {
  it('makes ids that containerd takes, each with a mark of its own that a double holds', () => {
    const ids = Array.from({ length: 1000 }, () => newExecIds(ID));
    expect(ids.filter(({ execId }) => execId.length > 76 || parseExecId(execId)?.containerId !== ID)).toEqual([]);
    const marks = ids.map((each) => execMark(each));
    expect(new Set(marks).size).toBe(1000);
    expect(marks.filter((mark) => mark < 2n ** 52n || mark >= 2n ** 53n)).toEqual([]);
    expect(new Set(ids.map((each) => execToken(each))).size).toBe(1000);
  });
});

describe('parseExecId()', () => {
  it.each(['', ID, `${ID}.`, `${ID}.short`, `${ID}.0123456789a/`, 'stray'])('is undefined for %j', (text) => {
    expect(parseExecId(text)).toBeUndefined();
  });
});
