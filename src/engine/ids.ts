import { randomBytes } from 'node:crypto';
import { invalidField } from './errors.ts';

declare const brand: unique symbol;

/** 64 lower-case hex digits. Made here or parsed here, never cast elsewhere. */
export type SandboxId = string & { readonly [brand]: 'sandbox' };
export type ContainerId = string & { readonly [brand]: 'container' };

const ID_BYTES = 32;
const FULL_ID = /^[0-9a-f]{64}$/;

export function newSandboxId(): SandboxId {
  return randomHex() as SandboxId;
}

export function newContainerId(): ContainerId {
  return randomHex() as ContainerId;
}

/** Parses a whole id, e.g. from a record. Throws invalid-argument naming `field`. */
export function parseSandboxId(value: string, field: string): SandboxId {
  return fullId(value, field) as SandboxId;
}

export function parseContainerId(value: string, field: string): ContainerId {
  return fullId(value, field) as ContainerId;
}

/** The first 13 digits, as people see ids. */
export function shortId(id: string): string {
  return id.slice(0, 13);
}

function randomHex(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

function fullId(value: string, field: string): string {
  if (!FULL_ID.test(value))
    throw invalidField(field, `not an id of 64 hex digits: ${JSON.stringify(value.slice(0, 80))}`);
  return value;
}
