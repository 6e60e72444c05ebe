import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sendDatagram } from '../sys/notify-socket.ts';
import { createNotifier } from './notifier.ts';

const QUIET = { warn: () => undefined };

function notifier(env: NodeJS.ProcessEnv) {
  const sent: string[] = [];
  const made = createNotifier({ env, pid: 42, logger: QUIET, send: (at, text) => void sent.push(`${at}: ${text}`) });
  return { made, sent };
}

describe('createNotifier()', () => {
  it('tells a service manager, and keeps its address from children', () => {
    const env = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42', PATH: '/bin' };
    const { made, sent } = notifier(env);
    made.ready();
    made.status('ready');
    made.alive();
    made.stopping();
    expect(sent).toEqual([
      '/run/n: READY=1\nMAINPID=42',
      '/run/n: STATUS=ready',
      '/run/n: WATCHDOG=1',
      '/run/n: STOPPING=1\nSTATUS=stopping; containers keep running',
    ]);
    made.reloading();
    expect(sent.at(-1)).toMatch(/^\/run\/n: RELOADING=1\nMONOTONIC_USEC=\d+$/);
    expect(env).toEqual({ PATH: '/bin' });
    expect(made.watchdogMs).toBe(30_000);
  });

  it('is silent where there is none, and gives no sign of life for another process', () => {
    const { made, sent } = notifier({});
    made.ready();
    expect(sent).toEqual([]);
    expect(notifier({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '5', WATCHDOG_PID: '7' }).made.watchdogMs).toBeUndefined();
  });

  it('goes on when nobody listens', () => {
    const warned: object[] = [];
    const logger = { warn: (fields: object) => void warned.push(fields) };
    createNotifier({ env: { NOTIFY_SOCKET: '/nowhere/n' }, pid: 1, logger }).ready();
    expect(warned).toMatchObject([{ socket: '/nowhere/n', error: expect.stringContaining('ENOENT') }]);
  });
});

describe('sendDatagram()', () => {
  it.each([['a path'], ['the abstract namespace']])('reaches %s', async (kind) => {
    const folder = await mkdtemp(join(tmpdir(), 'dvn'));
    const path = join(folder, 'n');
    const address = kind === 'a path' ? path : `@${path}`;
    // What Node has no datagram sockets for, Debian's perl has.
    const listen = String.raw`
      my $name = shift; $name =~ s/^@/\0/; $| = 1;
      socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
      bind($socket, pack_sockaddr_un($name)) or die $!;
      print "bound\n";
      defined recv($socket, my $message, 4096, 0) or die $!;
      print "$message\n";`;
    const listener = spawn('perl', ['-MSocket', '-e', listen, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const output: Buffer[] = [];
    listener.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    await once(listener.stdout, 'data');
    sendDatagram(address, 'READY=1');
    await once(listener, 'close');
    expect(Buffer.concat(output).toString()).toBe('bound\nREADY=1\n');
    await rm(folder, { recursive: true });
  });
});
