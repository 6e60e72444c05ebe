import { RuntimeService } from '../../cri/generated/cri.js';
import { printJson, type Command } from '../command.ts';
import { Ended } from '../errors.ts';
import { toJson } from '../to-json.ts';

export const exec: Command = {
  name: 'exec',
  words: ['ID', 'COMMAND...'],
  doc: 'Run a command in a container, without a terminal and stdin, and print what it wrote; put -- before the id where the command has options.',
  options: {},
  async run(call) {
    const [containerId = '', ...cmd] = call.words;
    const timeout = Math.ceil(call.timeoutMs / 1000);
    // The server ends the command when its time is over; the call waits a little longer to be told so.
    const request = { containerId, cmd, timeout };
    const reply = await call.client.call(
      RuntimeService.execSync,
      request,
      call.timeoutMs === 0 ? 0 : call.timeoutMs + 10_000,
    );
    if (call.json) return printJson(call, toJson(reply));
    call.stdout.write(reply.stdout);
    call.stderr.write(reply.stderr);
    if (reply.exitCode !== 0) throw new Ended(reply.exitCode);
  },
};
