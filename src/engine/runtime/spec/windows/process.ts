import { EngineError, invalidField } from '../../../errors.ts';
import type { ContainerSpec } from '../../../types/index.ts';
import { processArgs } from '../process.ts';
import type { ProcessEnv, SpecImage } from '../process.ts';
import type { OciWindowsProcess } from './oci-windows.ts';
import { containerPath } from './paths.ts';

const DEFAULT_CWD = 'C:\\';
/** Where processes of the node find the files of their image. */
const HOST_PROCESS_CWD = 'C:\\hpc';

/**
 * What to run. Programs of Windows get one line, which the shim makes from `args` by quoting each; an image that says its
 * command is a line already (`argsEscaped`) must not have that quoted once more.
 */
export function windowsCommand(
  spec: Pick<ContainerSpec, 'command' | 'args'>,
  image: SpecImage,
): Pick<OciWindowsProcess, 'args' | 'commandLine'> {
  const args = processArgs(spec, image);
  if (image.config.argsEscaped !== true) return { args };
  const isImagesOwn = spec.command.length === 0 && (image.config.entrypoint.length > 0 || spec.args.length === 0);
  const [first = '', ...rest] = args;
  const words = isImagesOwn ? [first, ...rest.map(quoteArg)] : args.map(quoteArg);
  return { commandLine: words.join(' ') };
}

/** The image's variables, then the request's; the last of one name wins, and case makes no other name. */
export function windowsEnv(spec: Pick<ContainerSpec, 'env'>, image: SpecImage): ProcessEnv {
  const variables = new Map<string, string>();
  const notices: string[] = [];
  const set = (name: string, value: string): void => {
    variables.delete(name.toUpperCase());
    variables.set(name.toUpperCase(), `${name}=${value}`);
  };
  for (const entry of image.config.env) {
    const equals = entry.indexOf('=');
    if (equals > 0 && !entry.includes('\0')) set(entry.slice(0, equals), entry.slice(equals + 1));
    else notices.push(`image ${image.name}: env ${JSON.stringify(entry.slice(0, 80))} is no variable and is left out`);
  }
  for (const [name, value] of spec.env) set(name, value);
  return { env: [...variables.values()], notices };
}

/** The request's working directory, else the image's, else where the kind of container begins. */
export function windowsCwd(spec: Pick<ContainerSpec, 'workingDir'>, image: SpecImage, hostProcess: boolean): string {
  const asked = spec.workingDir ?? image.config.workingDir;
  if (asked === '') return hostProcess ? HOST_PROCESS_CWD : DEFAULT_CWD;
  // A process of the node may name its folder by a variable, which the shim expands: %CONTAINER_SANDBOX_MOUNT_POINT%\app
  const cwd = hostProcess && /^%\w+%/.test(asked) ? asked : containerPath(asked);
  if (cwd !== undefined) return /^[A-Za-z]:$/.test(cwd) ? `${cwd}\\` : cwd;
  const problem = `${JSON.stringify(asked)} is no absolute path of Windows`;
  if (spec.workingDir !== undefined) throw invalidField('config.working_dir', problem);
  throw new EngineError('invalid-argument', `the WORKDIR of image ${image.name}: ${problem}`);
}

/** As programs of Windows take their line apart: backslashes count only before a quote. */
export function quoteArg(arg: string): string {
  if (arg !== '' && !/[ \t"]/.test(arg)) return arg;
  const escaped = arg.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1');
  return `"${escaped}"`;
}
