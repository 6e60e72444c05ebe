/** A worker that never answers, as one that is stuck in the kernel. */
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', () => undefined);
