import { Admin, type ImageWorkReply, type Pull } from '../../admin/generated/admin.js';
import { printJson, type Command } from '../command.ts';
import { age, byteSize } from '../format.ts';
import { renderTable } from '../table.ts';
import { toJson } from '../to-json.ts';

const NOT_KNOWN_YET = '?';
const NANOS_PER_MS = 1e6;

export const pulls: Command = {
  name: 'pulls',
  words: [],
  doc: 'Show the pulls that are under way, and how far they are.',
  options: {},
  async run(call) {
    const reply = await call.admin.call(Admin.imageWork, {}, call.timeoutMs);
    if (call.json) printJson(call, toJson(reply));
    else call.stdout.write(table(reply));
  },
};

/** Ages by davitd's clock. */
function table({ pulls: found, time }: ImageWorkReply): string {
  const nowMs = Number(time.toString()) / NANOS_PER_MS;
  const rows = found.map((pull) => [
    pull.reference,
    age(pull.startedAt, nowMs),
    `${byteSize(pull.receivedBytes.toNumber())} of ${total(pull)}`,
    `${pull.doneLayers} of ${pull.totalLayers ?? NOT_KNOWN_YET}`,
    age(pull.lastByteAt, nowMs),
    String(pull.waiters),
  ]);
  return renderTable(['IMAGE', 'SINCE', 'RECEIVED', 'LAYERS', 'LAST BYTE', 'WAITERS'], rows);
}

function total({ totalBytes }: Pull): string {
  return totalBytes === null ? NOT_KNOWN_YET : byteSize(totalBytes.toNumber());
}
