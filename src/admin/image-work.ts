import type { Engine, PullWork } from '../engine/index.ts';
import type { IImageWorkReply, IPull } from './generated/admin.js';
import { fromMs, optionalLong, toLong } from './numbers.ts';

export function imageWorkReply(engine: Pick<Engine, 'imageWork'>): IImageWorkReply {
  return { time: fromMs(Date.now()), pulls: engine.imageWork().map(fromPull) };
}

function fromPull(pull: PullWork): IPull {
  return {
    reference: pull.reference,
    startedAt: fromMs(pull.startedAtMs),
    waiters: pull.waiters,
    totalBytes: optionalLong(pull.totalBytes),
    receivedBytes: toLong(pull.receivedBytes),
    totalLayers: pull.totalLayers ?? null,
    doneLayers: pull.doneLayers,
    lastByteAt: fromMs(pull.lastByteAtMs),
  };
}
