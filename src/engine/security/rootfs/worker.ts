/**
 * Entry file of the thread that reads files of containers' roots (in production the bundle davit-rootfs.js).
 * Everything here is synchronous: an asynchronous file system or FFI call would run on libuv's thread pool, and a pool
 * thread that is born while this one is in a mount namespace of its own would stay in it.
 */
import process from 'node:process';
import { parentPort } from 'node:worker_threads';
import { prepareThread } from './private-root.ts';
import { serve } from './serve.ts';

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
serve(parentPort, prepareThread(), (code) => process.exit(code));
