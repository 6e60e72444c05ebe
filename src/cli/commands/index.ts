import type { Command } from '../command.ts';
import { ps } from './containers.ts';
import { doctor } from './doctor.ts';
import { events } from './events.ts';
import { images, pull, rmi } from './images.ts';
import { inspect } from './inspect.ts';
import { create, rm, rmp, runp, start, stop, stopp } from './lifecycle.ts';
import { logs } from './logs.ts';
import { info, version } from './node.ts';
import { pods } from './pods.ts';
import { top } from './top.ts';

/** In the order in which the help shows them. */
export const COMMANDS: readonly Command[] = [
  pods,
  ps,
  logs,
  inspect,
  top,
  events,
  images,
  pull,
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
  version,
];
