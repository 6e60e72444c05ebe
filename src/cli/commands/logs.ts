import { ContainerState, RuntimeService } from '../../cri/generated/cri.js';
import { printJsonLine, type Call, type Command } from '../command.ts';
import { CallError } from '../errors.ts';
import { readLog, tailOffset } from '../log-file.ts';
import type { LogEntry } from '../log-line.ts';

export const logs: Command = {
  name: 'logs',
  words: ['ID'],
  doc: "Print a container's output, its stderr to stderr.",
  options: {
    follow: { type: 'boolean', short: 'f', doc: 'Go on until the container ends.' },
    tail: { type: 'string', value: 'N', doc: 'Only the last N lines.' },
    timestamps: { type: 'boolean', short: 't', doc: 'The time in front of each line.' },
  },
  async run(call) {
    const [id = ''] = call.words;
    const { path } = await statusOf(call, id);
    const tail = call.options.count('tail');
    const from = tail === undefined ? 0 : await tailOffset(path, tail);
    const mayGrow = async () => call.options.flag('follow') && (await statusOf(call, id)).mayWrite;
    let strange = 0;
    let startsLine = true;
    for await (const entry of readLog(path, { from, mayGrow })) {
      if (entry === undefined) strange++;
      else print(call, entry, startsLine);
      startsLine = entry?.partial !== true;
    }
    if (strange > 0) call.stderr.write(`davit: ${strange} lines of ${path} are no log entries and were left out\n`);
  },
};

async function statusOf(call: Call, containerId: string) {
  const { status } = await call.client.call(RuntimeService.containerStatus, { containerId }, call.timeoutMs);
  if (status === null) throw new CallError('INTERNAL', `the answer for container ${containerId} has no status`);
  if (status.logPath === '') throw new CallError('FAILED_PRECONDITION', `container ${containerId} has no log file`);
  const mayWrite =
    status.state === ContainerState.CONTAINER_RUNNING || status.state === ContainerState.CONTAINER_CREATED;
  return { path: status.logPath, mayWrite };
}

function print(call: Call, entry: LogEntry, startsLine: boolean): void {
  const { time, stream, partial, content } = entry;
  if (call.json) return printJsonLine(call, { time, stream, partial, content: content.toString('utf8') });
  const output = stream === 'stdout' ? call.stdout : call.stderr;
  if (call.options.flag('timestamps') && startsLine) output.write(`${time} `);
  output.write(content);
  if (!partial) output.write('\n');
}
