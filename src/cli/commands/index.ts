import type { Command } from '../command.ts';
import { ps } from './containers.ts';
import { doctor } from './doctor.ts';
import { dump } from './dump.ts';
import { events } from './events.ts';
import { exec } from './exec.ts';
import { images, pull, rmi } from './images.ts';
import { inspect } from './inspect.ts';
import { create, rm, rmp, runp, start, stop, stopp } from './lifecycle.ts';
import { logs } from './logs.ts';
import { info, version } from './node.ts';
import { pods } from './pods.ts';
import { pulls } from './pulls.ts';
import { reload } from './reload.ts';
import { top } from './top.ts';

/** In the order in which the help shows them. */
export const COMMANDS: readonly Command[] = [
  pods,
  ps,
  logs,
  exec,
  inspect,
  top,
  events,
  images,
  pull,
  pulls,
  rmi,
  runp,
  stopp,
  rmp,
  create,
  start,
  stop,
  rm,
  info,
  doctor,
  dump,
  reload,
  version,
];
