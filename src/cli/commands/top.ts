import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, type ITopRequest, type TopReply } from '../../admin/generated/admin.js';
import { printJsonLine, type Call, type Command } from '../command.ts';
import { CallError, UsageError } from '../errors.ts';
import { printable } from '../table.ts';
import { toJson } from '../to-json.ts';
import { Rates } from '../top/rates.ts';
import { renderTop, SORTS, type Sort } from '../top/render.ts';
import { LABEL_OPTION } from './shared.ts';

const DEFAULT_INTERVAL_SECONDS = 2;
const CALL_TIMEOUT_MS = 10_000;
const KEYS = 'c cpu  m memory  n network  r restarts  a name  q quit';
const SORT_KEYS: Readonly<Record<string, Sort>> = { c: 'cpu', m: 'memory', n: 'network', r: 'restarts', a: 'name' };
/** Ctrl-C and Ctrl-D are bytes like others while a program takes every key. */
const QUIT_KEYS = new Set(['q', 'Q', '\u0003', '\u0004']);

export const top: Command = {
  name: 'top',
  words: [],
  doc: 'Show what pods and containers use, live; statistics are sampled every ten seconds.',
  options: {
    once: { type: 'boolean', short: '1', doc: 'One moment, and no more.' },
    interval: { type: 'string', value: 'SECONDS', doc: `Between pictures. Default: ${DEFAULT_INTERVAL_SECONDS}.` },
    sort: { type: 'string', value: SORTS.join('|'), doc: 'What the first pods have most of. Default: cpu.' },
    namespace: { type: 'string', short: 'n', value: 'NAME', doc: 'Only pods of this namespace.' },
    pod: { type: 'string', value: 'NAME', doc: 'Only the pod of this name.' },
    id: { type: 'string', value: 'ID', doc: 'Only the pod of this id.' },
    label: LABEL_OPTION,
  },
  async run(call) {
    const sort = sortOf(call.options.text('sort'));
    const seconds = call.options.count('interval') ?? DEFAULT_INTERVAL_SECONDS;
    if (seconds === 0) throw new UsageError('--interval must be a second or more');
    const once = call.options.flag('once');
    if (call.terminal.isInteractive && !once && !call.json) return await draw(call, sort, seconds * 1000);
    const rates = new Rates();
    for (;;) {
      const reply = await ask(call);
      rates.add(reply);
      if (call.json) printJsonLine(call, toJson(reply));
      else call.stdout.write(`${renderTop(reply, rates, sort)}${once ? '' : '\n'}`);
      if (once) return;
      await sleep(seconds * 1000);
    }
  },
};

function ask(call: Call): Promise<TopReply> {
  const { options } = call;
  const request: ITopRequest = {
    sandboxId: options.text('id') ?? '',
    podNamespace: options.text('namespace') ?? '',
    podName: options.text('pod') ?? '',
    labels: options.pairs('label'),
  };
  return call.admin.call(Admin.top, request, CALL_TIMEOUT_MS);
}

/** What keys have asked for. */
class Wishes {
  sort: Sort;
  quits = false;
  #wake = new AbortController();

  constructor(sort: Sort) {
    this.sort = sort;
  }

  press(key: string): void {
    this.quits ||= QUIT_KEYS.has(key);
    this.sort = SORT_KEYS[key] ?? this.sort;
    this.#wake.abort();
  }

  /** Until the time is over or a key is pressed. */
  async wait(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#wake.signal }).catch(() => undefined);
    this.#wake = new AbortController();
  }
}

/** Until a key ends it. A davitd that is away for a while is said, and waited for. */
async function draw(call: Call, sort: Sort, intervalMs: number): Promise<void> {
  const rates = new Rates();
  const wishes = new Wishes(sort);
  using screen = call.terminal.take((key) => wishes.press(key));
  let last: TopReply | undefined;
  let nextAskMs = 0;
  let trouble = '';
  while (!wishes.quits) {
    if (performance.now() >= nextAskMs) {
      nextAskMs = performance.now() + intervalMs;
      [last, trouble] = await tryToAsk(call, last);
      if (trouble === '' && last !== undefined) rates.add(last);
    }
    const picture = last === undefined ? '' : renderTop(last, rates, wishes.sort);
    const note = trouble === '' ? '' : `\n${printable(trouble)}`;
    screen.show(`${KEYS}  by ${wishes.sort}${note}\n${picture}`);
    await wishes.wait(nextAskMs - performance.now());
  }
}

async function tryToAsk(call: Call, last: TopReply | undefined): Promise<[TopReply | undefined, string]> {
  try {
    return [await ask(call), ''];
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return [last, `${error.code}: ${error.message}`];
  }
}

function sortOf(text: string | undefined): Sort {
  const sort = SORTS.find((each) => each === (text ?? 'cpu'));
  if (sort === undefined) throw new UsageError(`--sort must be one of ${SORTS.join(', ')}, got "${text}"`);
  return sort;
}
