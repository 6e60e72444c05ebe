// vitest-counts.ts REPORT: prints `passed failed skipped` of vitest's JSON report; a test file that could not run counts as a failure.
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly object[] }[];
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: vitest-counts.ts REPORT');

const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
const broken = report.testResults.filter(
  (result) => result.status === 'failed' && result.assertionResults.length === 0,
);
const failed = report.numFailedTests + broken.length;
console.log(
  report.numPassedTests,
  !report.success && failed === 0 ? 1 : failed,
  report.numPendingTests + report.numTodoTests,
);
