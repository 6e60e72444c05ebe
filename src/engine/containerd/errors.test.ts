import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { describeRequest, translateError } from './errors.ts';

const CONTEXT = { address: '/run/c.sock', call: 'Tasks.Create', object: 'c1' };
const idle = new AbortController().signal;

describe('translateError()', () => {
  it('keeps the text of an OCI runtime and names call and object', () => {
    const error = translateError(
      serviceError(status.UNKNOWN, 'runc create failed: exec: "x": not found'),
      CONTEXT,
      idle,
    );
    expect(error.kind).toBe('unknown');
    expect(error.message).toBe('containerd Tasks.Create c1: runc create failed: exec: "x": not found');
  });

  it('names the address when containerd is away', () => {
    const error = translateError(serviceError(status.UNAVAILABLE, 'connection refused'), CONTEXT, idle);
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('/run/c.sock');
  });

  it.each([
    [status.NOT_FOUND, 'not-found'],
    [status.ALREADY_EXISTS, 'already-exists'],
    [status.FAILED_PRECONDITION, 'failed-precondition'],
    [status.UNIMPLEMENTED, 'unimplemented'],
    [status.DEADLINE_EXCEEDED, 'deadline-exceeded'],
    [status.INVALID_ARGUMENT, 'invalid-argument'],
  ])('knows code %i as %s', (code, kind) => {
    expect(translateError(serviceError(code, 'x'), CONTEXT, idle).kind).toBe(kind);
  });

  it('says who gave up: the caller or the clock', () => {
    const cancelled = serviceError(status.CANCELLED, 'Cancelled on client');
    expect(translateError(cancelled, CONTEXT, AbortSignal.abort()).kind).toBe('cancelled');
    const late = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    expect(translateError(cancelled, CONTEXT, late).kind).toBe('deadline-exceeded');
  });

  it('calls what is not from gRPC internal', () => {
    expect(translateError(new TypeError('x is not a function'), CONTEXT, idle).kind).toBe('internal');
  });
});

describe('describeRequest()', () => {
  it.each([
    [{ containerId: 'c', execId: 'e' }, 'c/e'],
    [{ containerId: 'c', execId: 'c.1' }, 'c.1'],
    [{ containerId: 'c', execId: '' }, 'c'],
    [{ snapshotter: 'overlayfs', key: 'k', name: 'n' }, 'k'],
    [{ container: { id: 'inner' } }, 'inner'],
    [{ namespace: { name: 'n' } }, 'n'],
    [{ diff: { digest: 'sha256:0' }, mounts: [] }, 'sha256:0'],
    [{ filters: ['x'] }, ''],
  ])('names the object of %j as %j', (request, name) => {
    expect(describeRequest(request)).toBe(name);
  });
});

function serviceError(code: status, details: string): Error {
  return Object.assign(new Error(details), { code, details });
}
