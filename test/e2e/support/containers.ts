import type { ContainerOptions, Pod } from './node.ts';
import { exited } from './node.ts';

/** A container's command: a shell that runs the script. */
export function sh(script: string): { command: string[] } {
  return { command: ['sh', '-c', script] };
}

/** As `sh`, with stderr among stdout, where the order of lines matters. */
export function shMerged(script: string): { command: string[] } {
  return sh(`exec 2>&1; ${script}`);
}

/** For a pod without a process of its own: its containers alone are what is counted. */
export const BARE = { linux: { security_context: { namespace_options: { pid: 1 } } } };

/** Runs a container to its end; returns the lines of its log. */
export async function output(pod: Pod, name: string, options: ContainerOptions): Promise<readonly string[]> {
  await exited(await pod.start(name, options));
  return (await pod.log(name)).map((line) => line.text);
}

/** Why a container could not be made. */
export async function refusal(pod: Pod, options: ContainerOptions): Promise<string> {
  const error = await pod.create('refused', options).then(
    () => undefined,
    (reason: Error) => reason,
  );
  return error?.message ?? 'it was created';
}
