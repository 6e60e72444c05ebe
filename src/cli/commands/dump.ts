import { Admin } from '../../admin/generated/admin.js';
import type { Command } from '../command.ts';

export const dump: Command = {
  name: 'dump',
  words: [],
  doc: 'Print all that davitd knows, as JSON, for a report; without values of environment variables.',
  options: {},
  async run(call) {
    for await (const { data } of call.admin.stream(Admin.dump, {})) call.stdout.write(data);
  },
};
