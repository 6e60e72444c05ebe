import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError, invalidField } from '../engine/index.ts';
import { codeName, toGrpcError } from './grpc-status.ts';

describe('toGrpcError()', () => {
  it.each([
    [invalidField('config.image', 'is required'), status.INVALID_ARGUMENT, 'config.image: is required'],
    [new EngineError('not-found', 'no such container'), status.NOT_FOUND, 'no such container'],
    [new EngineError('failed-precondition', 'not running'), status.FAILED_PRECONDITION, 'not running'],
    [new DOMException('stop', 'AbortError'), status.CANCELLED, 'stop'],
    [new DOMException('late', 'TimeoutError'), status.DEADLINE_EXCEEDED, 'late'],
    [new TypeError('oops'), status.UNKNOWN, 'oops'],
    ['text', status.UNKNOWN, 'text'],
  ])('of %s', (error, code, details) => {
    expect(toGrpcError(error)).toEqual({ code, details });
  });

  it('lets a reason lead an Unknown error, once', () => {
    const reason = 'RegistryUnavailable';
    const error = new EngineError('unavailable', 'pull of app:1: connection refused', { reason });
    expect(toGrpcError(error)).toEqual({
      code: status.UNKNOWN,
      details: 'RegistryUnavailable: pull of app:1: connection refused',
    });
    const again = new EngineError('unavailable', 'RegistryUnavailable: x', { reason });
    expect(toGrpcError(again).details).toBe('RegistryUnavailable: x');
  });

  it('makes a message that can travel in a header', () => {
    const half = String.fromCharCode(0xd83d);
    expect(encodeURI(toGrpcError(new Error(`bad ${half} end`)).details)).toContain('end');
    expect(toGrpcError(new Error('x'.repeat(100_000))).details).toHaveLength(8 * 1024 + 1);
  });
});

describe('codeName()', () => {
  it('is the name of the code', () => expect(codeName(status.NOT_FOUND)).toBe('NOT_FOUND'));
});
