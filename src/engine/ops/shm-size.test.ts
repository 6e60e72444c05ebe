import { describe, expect, it } from 'vitest';
import { sandboxSpec } from '../store/test-records.ts';
import { shmSizeOf } from './shm-size.ts';

const GIB = 1024 ** 3;
const ELSEWHERE = 'io.kubernetes.cri-o.ShmSize';
const OPEN = { podAnnotations: ['io.kubernetes.cri-o.*', 'davit.*'], defaultAnnotations: {} };

function sizeOf(text: string, handler = OPEN): number | undefined {
  return shmSizeOf(sandboxSpec({ annotations: { [ELSEWHERE]: text } }), handler, GIB);
}

describe('shmSizeOf()', () => {
  it.each([
    ['128Mi', 128 * 1024 ** 2],
    ['1Gi', GIB],
    ['10M', 10_000_000],
    ['8192.5', 8193],
    ['4096', 4096],
  ])('reads %s', (text, bytes) => {
    expect(sizeOf(text)).toBe(bytes);
  });

  it.each(['', '0', '-1Mi', '4095', '1.1Gi', '1e99', '64MB', 'size=1', '64Mi,exec'])('refuses %j by name', (text) => {
    expect(() => sizeOf(text)).toThrow('config.annotations["io.kubernetes.cri-o.ShmSize"]');
  });

  it('is nothing without the annotation, and where the handler does not let it through', () => {
    expect(shmSizeOf(sandboxSpec({ annotations: {} }), OPEN, GIB)).toBeUndefined();
    expect(sizeOf('no size', { ...OPEN, podAnnotations: ['io.example.*'] })).toBeUndefined();
  });

  it("counts under davit's own name, too, and as a handler's default", () => {
    const own = sandboxSpec({ annotations: { 'davit.shm-size': '1Mi' } });
    const preset = { podAnnotations: [], defaultAnnotations: { 'davit.shm-size': '2Mi' } };
    expect(shmSizeOf(own, OPEN, GIB)).toBe(1024 ** 2);
    expect(shmSizeOf(own, preset, GIB)).toBe(2 * 1024 ** 2);
    expect(shmSizeOf(sandboxSpec({ annotations: {} }), preset, GIB)).toBe(2 * 1024 ** 2);
    expect(() => shmSizeOf(own, { podAnnotations: [], defaultAnnotations: { 'davit.shm-size': 'x' } }, GIB)).toThrow(
      'default_annotations["davit.shm-size"]',
    );
  });

  it("refuses to change the node's", () => {
    const namespaces = { network: 'pod', pid: 'container', ipc: 'node' } as const;
    const spec = sandboxSpec({ annotations: { [ELSEWHERE]: '64Mi' }, namespaces });
    expect(() => shmSizeOf(spec, OPEN, GIB)).toThrow("node's IPC namespace");
    const preset = { podAnnotations: [], defaultAnnotations: { 'davit.shm-size': '2Mi' } };
    expect(shmSizeOf(spec, preset, GIB)).toBeUndefined();
  });
});
