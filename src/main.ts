import { thisMachine, unsupported } from './daemon/preflight.ts';

/** davitd. Nothing else is loaded before it is clear that it can be. */
async function main(): Promise<number> {
  const refusal = unsupported(thisMachine());
  if (refusal !== undefined) {
    process.stderr.write(`${refusal}\n`);
    return 1;
  }
  const { runCommand } = await import('./daemon/command.ts');
  return runCommand(process.argv.slice(2));
}

// Whatever still holds the process, e.g. a thread, has nothing left to do.
process.exit(await main());
