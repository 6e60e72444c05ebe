/** A worker whose way back to the node's namespaces fails, for the uts kind. */
import process from 'node:process';
import { parentPort } from 'node:worker_threads';
import { setns } from '../../../sys/namespaces.ts';
import { openHome } from './home.ts';
import { serve } from './serve.ts';

const home = openHome((fd, kind) => {
  if (kind === 'uts') throw new Error('no way back');
  setns(fd, kind);
});
if (parentPort === null) throw new Error('this file is the entry of a worker thread');
serve(parentPort, home, (code) => process.exit(code));
