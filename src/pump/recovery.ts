import { HEADER_LENGTH, TAG_FULL, type StreamName } from './line-formatter.ts';
import { STAMP_LENGTH } from './stamp.ts';

/** How far one stream's journal is in the log. */
export interface Position {
  /** Bytes of the journal that are in the log. */
  readonly offset: number;
  /** Bytes of the stream that are in the log, since its start. */
  readonly bytes: number;
  /** Lines that it has in the log, since its start. */
  readonly lines: number;
}

export type Positions = Readonly<Partial<Record<StreamName, Position>>>;

export interface RecoveryInput {
  /** As they were last saved. */
  readonly saved: Positions;
  readonly journalSizes: Readonly<Partial<Record<StreamName, number>>>;
  /** What the log holds beyond its size when the positions were saved. */
  readonly tail: Buffer;
}

export interface RecoveryPlan {
  readonly positions: Positions;
  /** Bytes of the tail that are whole lines; what follows them is torn and to be cut. */
  readonly wholeBytes: number;
  /** Lines of the tail that are not of our streams, or more than their journals hold: somebody else writes to the log. */
  readonly foreignLines: number;
}

const NEWLINE = 10;
const SPACE = 32;
const TAG_AT = HEADER_LENGTH - 2;
const BYTE_FULL = TAG_FULL.charCodeAt(0);

/**
 * Where to go on after the process died between writing lines and saving how far it had come: lines of the tail are in the
 * log, so their content is done, and a line without its newline is written anew.
 */
export function planRecovery(input: RecoveryInput): RecoveryPlan {
  const positions = startingPositions(input);
  let foreignLines = 0;
  let start = 0;
  for (;;) {
    const end = input.tail.indexOf(NEWLINE, start);
    if (end < 0) break;
    const line = parseLine(input.tail, start, end);
    const position = line === undefined ? undefined : positions[line.stream];
    const next = position === undefined || line === undefined ? undefined : advance(position, line.consumed);
    if (line === undefined || next === undefined || next.offset > (input.journalSizes[line.stream] ?? 0)) {
      foreignLines++;
    } else {
      positions[line.stream] = next;
    }
    start = end + 1;
  }
  return { positions, wholeBytes: start, foreignLines };
}

/** A journal that is shorter than its saved offset was emptied after the save, and emptied only when all of it was done. */
function startingPositions({ saved, journalSizes }: RecoveryInput): Partial<Record<StreamName, Position>> {
  const positions: Partial<Record<StreamName, Position>> = {};
  for (const stream of ['stdout', 'stderr'] as const) {
    const position = saved[stream];
    if (position === undefined) continue;
    const emptied = (journalSizes[stream] ?? 0) < position.offset;
    positions[stream] = emptied ? { ...position, offset: 0 } : position;
  }
  return positions;
}

function advance(position: Position, consumed: number): Position {
  return { offset: position.offset + consumed, bytes: position.bytes + consumed, lines: position.lines + 1 };
}

/** The line's stream and how many of the stream's bytes it stands for. */
function parseLine(log: Buffer, start: number, end: number): { stream: StreamName; consumed: number } | undefined {
  const content = end - start - HEADER_LENGTH;
  if (content < 0 || log[start + STAMP_LENGTH] !== SPACE) return undefined;
  const stream = log.toString('latin1', start + STAMP_LENGTH + 1, start + TAG_AT - 1);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return { stream, consumed: content + (log[start + TAG_AT] === BYTE_FULL ? 1 : 0) };
}
