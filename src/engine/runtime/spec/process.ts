import { posix } from 'node:path';
import { EngineError, invalidField } from '../../errors.ts';
import type { ContainerSpec, ImageConfig } from '../../types/index.ts';

/** The image a container is made from, as its spec needs it. */
export interface SpecImage {
  /** What the request called it, for messages. */
  readonly name: string;
  readonly config: ImageConfig;
}

export interface ProcessEnv {
  readonly env: readonly string[];
  /** Entries of the image that are no variables and were left out. */
  readonly notices: readonly string[];
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A working directory reached through a descriptor of the runtime's own process may lie outside the container. */
const THROUGH_A_PROCESS = /^\/proc\/(self|thread-self|\d+)(\/|$)/;

/** As Kubernetes has it: a command replaces entrypoint and cmd of the image, args alone replace cmd. */
export function processArgs(spec: Pick<ContainerSpec, 'command' | 'args'>, image: SpecImage): readonly string[] {
  spec.command.forEach((arg, index) => rejectNul(arg, `config.command[${index}]`));
  spec.args.forEach((arg, index) => rejectNul(arg, `config.args[${index}]`));
  const args = chooseArgs(spec, image.config);
  if (args[0] === undefined || args[0] === '') throw nothingToRun(image.name);
  if (args.some((arg) => arg.includes('\0')))
    throw new EngineError('invalid-argument', `image ${image.name}: its command has a NUL in it`);
  return args;
}

export function nothingToRun(image: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `config.command: nothing to run: neither the request nor the image ${image} names a command`,
  );
}

/** PATH, HOSTNAME and TERM, then the node's variables, the image's, and the request's; the last of one name wins. */
export function processEnv(
  spec: Pick<ContainerSpec, 'env' | 'tty'>,
  image: SpecImage,
  hostname: string,
  defaults: readonly string[] = [],
): ProcessEnv {
  const variables = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', hostname],
  ]);
  for (const entry of defaults) variables.set(...nameAndValue(entry));
  if (spec.tty) variables.set('TERM', 'xterm');
  const notices: string[] = [];
  for (const entry of image.config.env) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entry.includes('\0')) variables.set(...nameAndValue(entry));
    else notices.push(`image ${image.name}: env ${JSON.stringify(entry.slice(0, 80))} is no variable and is left out`);
  }
  spec.env.forEach(([name, value], index) => {
    if (name === '' || name.includes('=') || name.includes('\0'))
      throw invalidField(`config.envs[${index}].key`, `${JSON.stringify(name)} is not a name of a variable`);
    rejectNul(value, `config.envs[${index}].value`);
    variables.set(name, value);
  });
  return { env: [...variables].map(([name, value]) => `${name}=${value}`), notices };
}

function nameAndValue(entry: string): [name: string, value: string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** The request's working directory, else the image's, else `/`. */
export function processCwd(spec: Pick<ContainerSpec, 'workingDir'>, image: SpecImage): string {
  const requested = spec.workingDir !== undefined && spec.workingDir !== '';
  const chosen = requested ? spec.workingDir : image.config.workingDir;
  if (chosen === undefined || chosen === '') return '/';
  const cwd = posix.normalize(chosen).replace(/(?<=.)\/$/, '');
  const source = requested ? 'config.working_dir' : `the WORKDIR of image ${image.name}`;
  const problem = cwdProblem(cwd);
  if (problem === undefined) return cwd;
  throw new EngineError('invalid-argument', `${source}: ${JSON.stringify(chosen)} ${problem}`);
}

function chooseArgs(spec: Pick<ContainerSpec, 'command' | 'args'>, image: ImageConfig): readonly string[] {
  if (spec.command.length > 0) return [...spec.command, ...spec.args];
  if (spec.args.length > 0) return [...image.entrypoint, ...spec.args];
  return [...image.entrypoint, ...image.cmd];
}

function cwdProblem(cwd: string): string | undefined {
  if (!cwd.startsWith('/')) return 'is not an absolute path';
  if (cwd.includes('\0')) return 'has a NUL in it';
  return THROUGH_A_PROCESS.test(cwd) ? 'leads through a process and may leave the container' : undefined;
}

function rejectNul(value: string, field: string): void {
  if (value.includes('\0')) throw invalidField(field, 'has a NUL in it');
}
