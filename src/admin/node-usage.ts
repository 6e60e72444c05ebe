import { cpus, freemem, totalmem } from 'node:os';
import type { INodeUsage } from './generated/admin.js';
import { toLong } from './numbers.ts';

const NANOS_PER_MS = 1_000_000;

/** The node's own figures, read from the kernel now. */
export function nodeUsage(): INodeUsage {
  const processors = cpus();
  const busyMs = processors.reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return {
    cpus: processors.length,
    memoryBytes: toLong(totalmem()),
    // MemAvailable, whatever the function is called.
    memoryAvailableBytes: toLong(freemem()),
    cpuUsageNanos: toLong(busyMs * NANOS_PER_MS),
  };
}
