import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { BUSYBOX, Pod, mustCrictl, nodeEnv } from './support/node.ts';

it("has nothing that promtool's rules for names, units and help object to", async () => {
  await mustCrictl('pull', BUSYBOX);
  await using pod = await Pod.run('promtool');
  await pod.start('main');
  const body = await (await fetch(`http://${nodeEnv()['DAVIT_METRICS']}/metrics`)).text();
  const promtool = spawn('promtool', ['check', 'metrics'], { env: nodeEnv(), stdio: ['pipe', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const output of [promtool.stdout, promtool.stderr]) output.on('data', (chunk: Buffer) => said.push(chunk));
  promtool.stdin.end(body);
  const [code] = (await once(promtool, 'close')) as [number];
  expect(Buffer.concat(said).toString()).toBe('');
  expect(code).toBe(0);
});
