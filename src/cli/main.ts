import { processDeps, runCli } from './run.ts';

// Whoever reads our output may stop early, as `davit ps | head -1` does: that is no failure.
process.stdout.on('error', () => process.exit(0));
process.exitCode = await runCli(process.argv.slice(2), processDeps());
