import { Admin } from '../../admin/generated/admin.js';
import { printJson, type Command } from '../command.ts';
import { Ended } from '../errors.ts';
import { toJson } from '../to-json.ts';

const REFUSED = 'refused';
const FAILED = 1;

export const reload: Command = {
  name: 'reload',
  words: [],
  doc: 'Have davitd read its configuration again, and show what has changed and what waits for a restart.',
  options: {},
  async run(call) {
    const reply = await call.admin.call(Admin.reload, {}, call.timeoutMs);
    const { outcome, applied, needRestart, problems } = reply;
    if (call.json) printJson(call, toJson(reply));
    else {
      call.stdout.write(
        lines('wrong', problems) + lines('in force', applied) + lines('waits for a restart', needRestart),
      );
      call.stdout.write(`${outcome}${outcome === REFUSED ? ': nothing was changed' : ''}\n`);
    }
    if (outcome === REFUSED) throw new Ended(FAILED);
  },
};

function lines(what: string, items: readonly string[]): string {
  return items.map((item) => `${what}: ${item}\n`).join('');
}
