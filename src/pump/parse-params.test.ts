import { describe, expect, it } from 'vitest';
import { parseRequest, requestId } from './parse-params.ts';

const spec = { id: 'a', stdout: '/io/stdout', tty: true, stdinOnce: false, maxLine: 16_384, pipeBytes: 65_536 };

function refusal(message: unknown): string {
  try {
    parseRequest(message);
    return 'accepted';
  } catch (error) {
    return String(error);
  }
}

describe('parseRequest()', () => {
  it('gives the parameters that the op has, and no others', () => {
    const params = { ...spec, log: '/logs/a', color: 'red' };
    expect(parseRequest({ id: 1, op: 'add', params })).toEqual({
      id: 1,
      op: 'add',
      params: { ...spec, log: '/logs/a' },
    });
    expect(parseRequest({ id: 2, op: 'status' })).toEqual({ id: 2, op: 'status', params: {} });
  });

  it.each([
    ['params.id', { id: '../a' }],
    ['params.id', { id: '' }],
    ['params.id', { id: 7 }],
    ['params.stdout', { stdout: undefined }],
    ['params.stdout', { stdout: 'io/stdout' }],
    ['params.log', { log: '/logs/../etc/passwd' }],
    ['params.log', { log: '/a\0b' }],
    ['params.tty', { tty: 'yes' }],
    ['maxLine', { maxLine: 0 }],
    ['pipeBytes', { pipeBytes: 1.5 }],
  ])('names the field %s that is wrong', (field, change) => {
    expect(refusal({ id: 1, op: 'add', params: { ...spec, ...change } })).toContain(field);
  });

  it('refuses what is no request', () => {
    expect(refusal([])).toContain('JSON object');
    expect(refusal({ op: 'list' })).toContain('id');
    expect(refusal({ id: 1, op: 'toString' })).toContain('unknown op "toString"');
    expect(refusal({ id: 1, op: 'list', params: 'x' })).toContain('params');
  });
});

describe('requestId()', () => {
  it('finds the id of a request that is wrong otherwise', () => {
    expect(requestId({ id: 4, op: 'nothing' })).toBe(4);
    expect(requestId({ id: '4' })).toBeUndefined();
    expect(requestId(null)).toBeUndefined();
  });
});
