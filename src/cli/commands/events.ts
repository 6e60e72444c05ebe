import Long from 'long';
import { Admin, type Event, type IEventsRequest } from '../../admin/generated/admin.js';
import { printJsonLine, type Call, type Command } from '../command.ts';
import { shortId } from '../format.ts';
import { printable } from '../table.ts';
import { parseTime } from '../time-option.ts';
import { toJson } from '../to-json.ts';
import { LABEL_OPTION } from './shared.ts';

const NANOS_PER_MS = 1_000_000n;
/** Wide enough for the longest kind of object and the longest action. */
const OBJECT_WIDTH = 10;
const ACTION_WIDTH = 12;

/** Said by other words of the line, or of no use to people; JSON has them. */
const TOO_LONG = new Set(['image_id']);

const REPEATED = { type: 'string', multiple: true } as const;

export const events: Command = {
  name: 'events',
  words: [],
  doc: 'Show what happened to pods, containers and images; davitd keeps the last 10,000 events of its run.',
  options: {
    follow: { type: 'boolean', short: 'f', doc: 'Go on with what happens, until interrupted.' },
    since: { type: 'string', value: 'TIME', doc: 'Not before: 10m (ago), 2026-01-02T03:04:05Z, seconds since 1970.' },
    until: { type: 'string', value: 'TIME', doc: 'Not after, in the same forms.' },
    object: { ...REPEATED, value: 'KIND', doc: 'Only of sandbox, container or image; may be given more than once.' },
    action: { ...REPEATED, value: 'WORD', doc: 'Only such, e.g. stopped, oom, pull-failed; more than once.' },
    id: { type: 'string', value: 'ID', doc: 'Only of this pod and its containers, this container, or this image.' },
    namespace: { type: 'string', short: 'n', value: 'NAME', doc: 'Only of pods of this namespace.' },
    pod: { type: 'string', value: 'NAME', doc: 'Only of the pod of this name.' },
    container: { type: 'string', value: 'NAME', doc: 'Only of containers of this name.' },
    label: LABEL_OPTION,
  },
  async run(call) {
    const request = requestOf(call);
    const since = request.since ?? null;
    let isFirst = true;
    for await (const { events: part, completeSince } of call.admin.stream(Admin.events, request)) {
      if (isFirst && since !== null && completeSince.greaterThan(since)) {
        call.stderr.write(`davit: nothing is known of before ${timeOf(completeSince)}\n`);
      }
      isFirst = false;
      for (const event of part) print(call, event);
    }
  },
};

function requestOf({ options, nowMs }: Call): IEventsRequest & { readonly since?: Long } {
  const time = (name: string): Long | undefined => {
    const text = options.text(name);
    return text === undefined ? undefined : Long.fromString(parseTime(name, text, nowMs).toString());
  };
  const [since, until] = [time('since'), time('until')];
  return {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    follow: options.flag('follow'),
    objects: options.list('object'),
    actions: options.list('action'),
    id: options.text('id') ?? '',
    podNamespace: options.text('namespace') ?? '',
    podName: options.text('pod') ?? '',
    containerName: options.text('container') ?? '',
    labels: options.pairs('label'),
  };
}

/** One line, written when it comes: widths cannot wait for what is still to come. */
function print(call: Call, event: Event): void {
  if (call.json) return printJsonLine(call, toJson(event));
  const pod = event.podName === '' ? '' : `${event.podNamespace}/${event.podName}`;
  const subject = [pod, event.containerName].filter((part) => part !== '').join('/');
  const attributes = Object.entries(event.attributes)
    .filter(([key]) => !TOO_LONG.has(key))
    .map(([key, value]) => `${key}=${quoted(value)}`);
  const words = [subject, shortId(event.id), ...attributes].filter((word) => word !== '');
  const head = `${event.object.padEnd(OBJECT_WIDTH)}${event.action.padEnd(ACTION_WIDTH)}`;
  call.stdout.write(`${timeOf(event.time)}  ${printable(`${head}${words.join(' ')}`)}\n`);
}

function quoted(value: string): string {
  return /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}

function timeOf(nanos: Long): string {
  return new Date(Number(BigInt(nanos.toString()) / NANOS_PER_MS)).toISOString();
}
