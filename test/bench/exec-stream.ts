import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Container } from './pods.ts';
import type { Side } from './side.ts';

/** The version of the protocol that both sides speak over WebSocket. */
const PROTOCOL = 'v4.channel.k8s.io';
const ERROR = 3;

/** Runs a command that ends with 0; returns the milliseconds from the request for a URL to the end of the session. */
export async function execStream(side: Side, { id }: Container, cmd: readonly string[]): Promise<number> {
  const started = performance.now();
  const { url } = await side.client.call<{ url: string }>('Exec', { containerId: id, cmd, stdout: true });
  const socket = new WebSocket(url, [PROTOCOL], { perMessageDeflate: false });
  let status = '';
  socket.on('message', (message: Buffer) => {
    if (message[0] === ERROR) status += message.toString('utf8', 1);
  });
  await once(socket, 'close');
  const { status: outcome, message } = JSON.parse(status) as { status: string; message?: string };
  if (outcome !== 'Success') throw new Error(`${cmd.join(' ')} on ${side.name}: ${message ?? outcome}`);
  return performance.now() - started;
}

/**
 * Runs a command by crictl, which speaks SPDY and costs both sides the same, with so many bytes of input; returns the
 * milliseconds that it took. What the command writes is thrown away.
 */
export async function execByCrictl(side: Side, { id }: Container, cmd: string, inputBytes = 0): Promise<number> {
  const crictl = `crictl --runtime-endpoint unix://${side.socket} exec ${inputBytes > 0 ? '-i' : ''} ${id} ${cmd}`;
  const input = inputBytes > 0 ? `head -c ${inputBytes} /dev/zero | ` : '';
  const started = performance.now();
  const child = spawn('sh', ['-c', `${input}${crictl}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let problem = '';
  child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${cmd} on ${side.name}: ${problem}`);
  return performance.now() - started;
}
