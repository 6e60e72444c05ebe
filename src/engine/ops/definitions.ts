import { REMOVE_IMAGE } from '../image/image-service.ts';
import { PULL_IMAGE } from '../image/pull.ts';
import type { OpDefinition } from '../op.ts';
import { CREATE_CONTAINER } from './create-container.ts';
import { OPEN_EXEC } from './open-exec.ts';
import { REMOVE_CONTAINER } from './remove-container.ts';
import { REMOVE_SANDBOX } from './remove-sandbox.ts';
import { RUN_SANDBOX } from './run-sandbox.ts';
import { START_CONTAINER } from './start-container.ts';
import { STOP_CONTAINER } from './stop-container.ts';
import { STOP_SANDBOX } from './stop-sandbox.ts';
import { UPDATE_CONTAINER } from './update-container.ts';
import { UPDATE_WINDOWS_CONTAINER } from './update-windows-container.ts';

/** Every operation there is: tests fail each step of each of them. */
export const OPERATIONS: readonly OpDefinition[] = [
  RUN_SANDBOX,
  CREATE_CONTAINER,
  START_CONTAINER,
  STOP_CONTAINER,
  STOP_SANDBOX,
  REMOVE_CONTAINER,
  REMOVE_SANDBOX,
  UPDATE_CONTAINER,
  UPDATE_WINDOWS_CONTAINER,
  OPEN_EXEC,
  PULL_IMAGE,
  REMOVE_IMAGE,
];
