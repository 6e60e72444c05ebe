import { execFile } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A test's child that says more than this has run away. */
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;

/** Runs a program to its end; a failure is an answer, not an exception. */
export async function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  return await new Promise((resolve) => {
    execFile(file, [...args], { env, maxBuffer: OUTPUT_MAX_BYTES }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr: code === 255 && error !== null ? `${stderr}${error.message}` : stderr });
    });
  });
}

/** As `run`, for what must succeed; returns its output without the last newline. */
export async function must(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, env);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout.trimEnd();
}
