import { join } from 'node:path';
import { Clock } from '../clock.ts';
import type { ContainerMetadata, SandboxMetadata } from '../types/index.ts';
import { RecordFiles } from './record-files.ts';
import { decodeContainer, decodeSandbox, encodeContainer, encodeSandbox } from './records.ts';
import type { ContainerRecord, SandboxRecord } from './records.ts';
import { Table } from './table.ts';

export type { ContainerRecord, SandboxRecord } from './records.ts';
export type { DamagedRecord } from './record-files.ts';
export { Table } from './table.ts';
export { moveContainer, moveSandbox } from './transition.ts';

/** Every record that davit keeps, under `<root>/sandboxes` and `<root>/containers`. */
export interface Store {
  readonly sandboxes: Table<SandboxRecord>;
  readonly containers: Table<ContainerRecord>;
  /** Creation times for new records. */
  readonly clock: Clock;
  start(): Promise<void>;
}

export function createStore(root: string): Store {
  const clock = new Clock();
  const sandboxes = new Table<SandboxRecord>(
    new RecordFiles(join(root, 'sandboxes')),
    {
      noun: 'pod_sandbox',
      nameOf: (record) => sandboxName(record.spec.metadata),
      encode: encodeSandbox,
      decode: decodeSandbox,
    },
    clock,
  );
  const containers = new Table<ContainerRecord>(
    new RecordFiles(join(root, 'containers')),
    {
      noun: 'container',
      nameOf: (record) => containerName(record.sandboxId, record.spec.metadata),
      encode: encodeContainer,
      decode: decodeContainer,
    },
    clock,
  );
  return {
    sandboxes,
    containers,
    clock,
    start: async () => {
      await sandboxes.start();
      await containers.start();
    },
  };
}

/** A sandbox's unique name. */
export function sandboxName(metadata: SandboxMetadata): string {
  return `${metadata.namespace}/${metadata.name}/${metadata.uid}/${metadata.attempt}`;
}

/** A container's unique name within its sandbox. */
export function containerName(sandboxId: string, metadata: ContainerMetadata): string {
  return `${sandboxId}/${metadata.name}/${metadata.attempt}`;
}
