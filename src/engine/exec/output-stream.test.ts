import { once } from 'node:events';
import { closeSync, mkdtempDisposableSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeFifo } from '../../sys/fifo.ts';
import { openReader } from './exec-fifos.ts';
import { OutputStream } from './output-stream.ts';

interface Output extends Disposable {
  readonly stream: OutputStream;
  write(text: string): void;
  end(): void;
}

/** An output of a process that is this one. */
function output(): Output {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'davit-output-'));
  const path = join(dir.path, 'stdout');
  makeFifo(path, 0o600);
  const stream = new OutputStream(openReader(path));
  const writer = openSync(path, 'w');
  return {
    stream,
    write: (text) => void writeSync(writer, text),
    end: () => closeSync(writer),
    [Symbol.dispose]: () => {
      stream.destroy();
      dir.remove();
    },
  };
}

/** Takes a piece when it is told to, and keeps a copy. */
class SlowClient extends Writable {
  readonly taken: string[] = [];
  readonly #waiting: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting.push(() => {
      this.taken.push(chunk.toString());
      done();
    });
  }

  async take(): Promise<void> {
    while (this.#waiting.length === 0) await delay(5);
    this.#waiting.shift()?.();
  }
}

const NOTHING = (): void => undefined;

describe('OutputStream', () => {
  it('gives a reader that comes late all of it', async () => {
    using out = output();
    out.write('first ');
    out.stream.once('readable', NOTHING);
    out.stream.read(0);
    await once(out.stream, 'readable');
    out.write('last');
    out.end();
    await delay(50);
    expect((await buffer(out.stream)).toString()).toBe('first last');
  });

  it('forwards a piece when the one before has been taken, and the end', async () => {
    using out = output();
    const client = new SlowClient();
    let pieces = 0;
    const done = out.stream.forwardTo(client, () => pieces++);
    out.write('one');
    await client.take();
    out.write('two');
    out.write('three');
    await client.take();
    out.end();
    await done;
    await once(client, 'finish');
    expect(client.taken.join('')).toBe('onetwothree');
    expect(pieces).toBe(client.taken.length);
  });

  it('tells its end when it is forwarded', async () => {
    using out = output();
    const ended = once(out.stream, 'end');
    const done = out.stream.forwardTo(new SlowClient(), NOTHING);
    out.end();
    await Promise.all([done, ended]);
    expect(out.stream.readableEnded).toBe(true);
  });

  it('ends the client when it is closed', async () => {
    using out = output();
    const client = new SlowClient();
    const done = out.stream.forwardTo(client, NOTHING);
    out.stream.destroy();
    await done;
    await once(client, 'finish');
    expect(client.taken).toEqual([]);
    out.end();
  });

  it('is closed when the client breaks', async () => {
    using out = output();
    const client = new SlowClient();
    const done = out.stream.forwardTo(client, NOTHING);
    client.destroy();
    await expect(done).rejects.toThrow('taken no more');
    expect(out.stream.destroyed).toBe(true);
    out.end();
  });
});
