/**
 * Entry file of the threads that move between namespaces (in production the bundle davit-namespaces.js): one makes them, one
 * makes sockets in them.
 * Everything here is synchronous: an asynchronous file system or FFI call would run on libuv's thread pool, and a pool
 * thread that is born while this one is in a pod's namespaces would stay in them.
 */
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { POD_PORTS_ROLE } from '../pod-ports/protocol.ts';
import { servePodPorts } from '../pod-ports/serve.ts';
import { unshareFs } from '../../../sys/private-mounts.ts';
import { openHome } from './home.ts';
import { serve } from './serve.ts';

// A working directory of its own, for mounts whose layers are named from the folder that they share.
unshareFs();
if (parentPort === null) throw new Error('this file is the entry of a worker thread');
const start = workerData === POD_PORTS_ROLE ? servePodPorts : serve;
start(parentPort, openHome(), (code) => process.exit(code));
