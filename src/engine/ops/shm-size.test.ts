import { describe, expect, it } from 'vitest';
import { sandboxSpec } from '../store/test-records.ts';
import { SHM_SIZE_ANNOTATION } from './pod-annotation.ts';
import { shmSizeOf } from './shm-size.ts';

const GIB = 1024 ** 3;
const OPEN = { podAnnotations: ['io.kubernetes.cri-o.*'] };

function sizeOf(text: string, handler = OPEN): number | undefined {
  return shmSizeOf(sandboxSpec({ annotations: { [SHM_SIZE_ANNOTATION]: text } }), handler, GIB);
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
    expect(sizeOf('no size', { podAnnotations: ['io.example.*'] })).toBeUndefined();
  });

  it("refuses to change the node's", () => {
    const namespaces = { network: 'pod', pid: 'container', ipc: 'node' } as const;
    const spec = sandboxSpec({ annotations: { [SHM_SIZE_ANNOTATION]: '64Mi' }, namespaces });
    expect(() => shmSizeOf(spec, OPEN, GIB)).toThrow("node's IPC namespace");
  });
});
