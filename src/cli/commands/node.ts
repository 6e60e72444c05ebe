import { RuntimeService, type StatusResponse } from '../../cri/generated/cri.js';
import { VERSION } from '../../version.ts';
import { printJson, type Command } from '../command.ts';
import { renderTable } from '../table.ts';
import { toJson, toJsonWithInfo } from '../to-json.ts';

/** The version of the interface that the kubelet sends. */
const INTERFACE_VERSION = '0.1.0';

export const version: Command = {
  name: 'version',
  words: [],
  doc: 'Show the versions of this tool and of davitd.',
  options: {},
  async run(call) {
    const request = { version: INTERFACE_VERSION };
    const reply = await call.client.call(RuntimeService.version, request, call.timeoutMs);
    if (call.json) return printJson(call, { client: VERSION, server: toJson(reply) });
    const rows = [
      ['this tool', 'davit', VERSION, ''],
      ['server', reply.runtimeName, reply.runtimeVersion, `CRI ${reply.runtimeApiVersion}`],
    ];
    call.stdout.write(renderTable(['WHICH', 'NAME', 'VERSION', 'INTERFACE'], rows));
  },
};

export const info: Command = {
  name: 'info',
  words: [],
  doc: 'Show whether the node is ready; -o json shows the configuration too.',
  options: {},
  async run(call) {
    const reply = await call.client.call(RuntimeService.status, { verbose: true }, call.timeoutMs);
    if (call.json) printJson(call, toJsonWithInfo(reply));
    else call.stdout.write(table(reply));
  },
};

function table(reply: StatusResponse): string {
  const conditions = reply.status?.conditions ?? [];
  const rows = conditions.map(({ type, status, reason, message }) => [type, status ? 'yes' : 'NO', reason, message]);
  const handlers = reply.runtimeHandlers.map(({ name }) => [name === '' ? '(default)' : name]);
  return [renderTable(['CONDITION', 'HOLDS', 'REASON', 'MESSAGE'], rows), renderTable(['HANDLER'], handlers)].join(
    '\n',
  );
}
