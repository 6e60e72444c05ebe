import { RuntimeService } from '../../cri/generated/cri.js';
import { printJson, type Command } from '../command.ts';
import { Ended } from '../errors.ts';
import { toJson } from '../to-json.ts';

const GRACE_MS = 10_000;

export const exec: Command = {
  name: 'exec',
  words: ['ID', 'COMMAND...'],
  doc: 'Run a command in a container and print what it wrote. With options of its own: exec -- ID COMMAND...',
  options: {},
  async run(call) {
    const [containerId = '', ...cmd] = call.words;
    // As long as it takes, unless somebody says otherwise.
    const timeoutMs = call.options.text('timeout') === undefined ? 0 : call.timeoutMs;
    const request = { containerId, cmd, timeout: Math.ceil(timeoutMs / 1000) };
    // The server ends the command when its time is over; the call waits a little longer, to be told so.
    const waitMs = timeoutMs === 0 ? 0 : timeoutMs + GRACE_MS;
    const reply = await call.client.call(RuntimeService.execSync, request, waitMs);
    if (call.json) return printJson(call, toJson(reply));
    call.stdout.write(reply.stdout);
    call.stderr.write(reply.stderr);
    if (reply.exitCode !== 0) throw new Ended(reply.exitCode);
  },
};
