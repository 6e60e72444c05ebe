import { RuntimeService } from '../../cri/generated/cri.js';
import { printJson, type Call, type Command } from '../command.ts';
import { CallError } from '../errors.ts';
import { toJsonWithInfo } from '../to-json.ts';

export const inspect: Command = {
  name: 'inspect',
  words: ['ID'],
  doc: 'Show all that is known of a container or a pod, as JSON.',
  options: {},
  async run(call) {
    const [id = ''] = call.words;
    const reply = (await container(call, id)) ?? (await pod(call, id));
    if (reply === undefined) throw new CallError('NOT_FOUND', `there is no container and no pod ${id}`);
    printJson(call, toJsonWithInfo(reply));
  },
};

function container(call: Call, containerId: string) {
  const request = { containerId, verbose: true };
  return orUndefined(call.client.call(RuntimeService.containerStatus, request, call.timeoutMs));
}

function pod(call: Call, podSandboxId: string) {
  const request = { podSandboxId, verbose: true };
  return orUndefined(call.client.call(RuntimeService.podSandboxStatus, request, call.timeoutMs));
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CallError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
