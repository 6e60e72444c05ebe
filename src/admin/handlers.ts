import { stream, unary } from '../rpc/index.ts';
import type { Handler } from '../rpc/index.ts';
import { eventsReplies } from './events.ts';
import type { EventVerbs } from './events.ts';
import { Admin } from './generated/admin.js';
import type { IReloadReply } from './generated/admin.js';
import { imageWorkReply } from './image-work.ts';
import { nodeUsage } from './node-usage.ts';
import { topReply } from './top.ts';
import type { TopVerbs } from './top.ts';
import type { Engine } from '../engine/index.ts';

export type AdminVerbs = EventVerbs & TopVerbs & Pick<Engine, 'imageWork'>;

/** What came of reading the configuration again. */
export type Reload = () => Promise<IReloadReply>;

/** A part of a dump. */
const PART_BYTES = 256 * 1024;

/** `dump` is all that davitd knows, as JSON. */
export function adminHandlers(engine: AdminVerbs, dump: () => string, reload: Reload): readonly Handler[] {
  const options = { access: 'read', beforeReady: true, check: () => undefined } as const;
  return [
    stream(Admin.events, (request, signal) => eventsReplies(engine, request, signal), { ...options, endless: true }),
    unary(Admin.top, (request) => topReply(engine, nodeUsage, request), { ...options, beforeReady: false }),
    unary(Admin.imageWork, () => imageWorkReply(engine), options),
    stream(
      Admin.dump,
      async function* () {
        const bytes = Buffer.from(dump());
        for (let at = 0; at < bytes.length; at += PART_BYTES) yield { data: bytes.subarray(at, at + PART_BYTES) };
      },
      { ...options, endless: false },
    ),
    unary(Admin.reload, () => reload(), { ...options, access: 'change' }),
  ];
}
