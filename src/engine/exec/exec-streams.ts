import { closeSync, existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { growPipe } from '../../sys/fcntl.ts';
import { makeExecFifos, openReader, openReaders, openWriter } from './exec-fifos.ts';
import type { ExecFifos } from './exec-fifos.ts';
import type { ExecRequest } from './exec-types.ts';
import { readOutput } from './output-reader.ts';
import type { OutputReader } from './output-reader.ts';
import type { OutputStream } from './output-stream.ts';
import type { ExecIo } from './processes.ts';
import { writeStdin } from './stdin-writer.ts';

/**
 * Of what is streamed: four times what the kernel gives, for fewer turns of shim and davitd at each other's. More would
 * eat into what the kernel lets us have in all, which containers' own output needs.
 */
const STREAM_PIPE_BYTES = 256 * 1024;

/** Our ends of an exec's FIFOs, and the FIFOs themselves. */
export interface ExecStreams {
  readonly io: ExecIo;
  readonly stdin: Writable | undefined;
  readonly stdout: OutputStream | undefined;
  readonly stderr: OutputStream | undefined;
  readonly drained: Promise<void>;
  /** Takes the outputs from whoever reads them; the rest is read and dropped. */
  dropRest(): void;
  /** Closes all ends and removes the FIFOs. */
  close(): void;
}

export interface ExecStreamsInput {
  readonly folder: string;
  readonly request: ExecRequest;
  /** See readOutput(). */
  readonly scratch: Buffer;
  /** See writeStdin(); not called for a terminal. */
  readonly closeStdin: () => Promise<void>;
}

/** Makes the FIFOs and opens our ends, all or nothing. It must happen before containerd is told of the FIFOs. */
export function openExecStreams({ folder, request, scratch, closeStdin }: ExecStreamsInput): ExecStreams {
  const fifos = makeExecFifos(folder, request);
  try {
    return openEnds(fifos, request, scratch, request.tty ? async () => undefined : closeStdin);
  } catch (error) {
    fifos.removeFolder();
    throw error;
  }
}

function openEnds(
  { io, removeFolder }: ExecFifos,
  request: ExecRequest,
  scratch: Buffer,
  closeStdin: () => Promise<void>,
): ExecStreams {
  const writer = io.stdin === undefined ? undefined : openWriter(io.stdin);
  let fds: ReturnType<typeof openReaders>;
  try {
    fds = openReaders(io);
  } catch (error) {
    if (writer !== undefined) closeSync(writer);
    throw error;
  }
  const outputs = request.stdout === 'stream' ? [fds.stdout] : [];
  for (const fd of [writer, ...outputs]) if (fd !== undefined) growPipe(fd, STREAM_PIPE_BYTES);
  const stdin = writer === undefined ? undefined : writeStdin(writer, closeStdin);
  const stdout = readOutput(fds.stdout, request.stdout, scratch);
  const stderr = fds.stderr === undefined ? undefined : readOutput(fds.stderr, request.stderr, scratch);
  const readers = [stdout, stderr].filter((reader) => reader !== undefined);
  const droppers: OutputReader[] = [];
  return {
    io,
    stdin,
    stdout: stdout.stream,
    stderr: stderr?.stream,
    drained: Promise.all(readers.map(({ ended }) => ended)).then(() => undefined),
    dropRest: () => {
      if (readers.every((reader) => reader.isAtEnd)) return; // the shim has closed them: there is no rest
      for (const path of [io.stdout, io.stderr]) {
        // Another davitd may have ended this exec, and removed its FIFOs.
        if (path !== undefined && existsSync(path)) droppers.push(readOutput(openReader(path), 'drop', scratch));
      }
      for (const reader of readers) reader.close();
    },
    close: () => {
      stdin?.destroy();
      for (const reader of [...readers, ...droppers]) reader.close();
      removeFolder();
    },
  };
}
