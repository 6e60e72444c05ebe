// critest-report.ts REPORT EXPECTED KIND: prints what critest's report says; exits 1 when a spec failed that EXPECTED does not list.
import { readFileSync } from 'node:fs';

interface Spec {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: { readonly Message?: string };
}

interface Suite {
  readonly SpecialSuiteFailureReasons: readonly string[] | null;
  readonly SpecReports: readonly Spec[];
}

const MESSAGE_LENGTH = 240;

const [report, expectedFile, kind] = process.argv.slice(2);
if (report === undefined || expectedFile === undefined || kind === undefined) {
  throw new Error('usage: critest-report.ts REPORT EXPECTED KIND');
}

const suites = JSON.parse(readFileSync(report, 'utf8')) as readonly Suite[];
const nodes = suites.flatMap((suite) => suite.SpecReports);
const specs = nodes.filter((node) => node.LeafNodeType === 'It');
const passed = specs.filter((spec) => spec.State === 'passed');
const skipped = specs.filter((spec) => spec.State === 'skipped' || spec.State === 'pending');
// A failing BeforeSuite or AfterSuite counts, too.
const failed = nodes.filter((node) => !['passed', 'skipped', 'pending'].includes(node.State));
const expected = readExpected(expectedFile, kind);
const unexpected = failed.filter((spec) => !expected.has(nameOf(spec)));

for (const spec of failed) {
  const reason = expected.get(nameOf(spec));
  console.log(`FAILED ${nameOf(spec)}`);
  console.log(reason === undefined ? `       ${messageOf(spec)}` : `       expected: ${reason}`);
}
for (const spec of passed)
  if (expected.has(nameOf(spec))) console.log(`PASSES by now, take it off the list: ${nameOf(spec)}`);
for (const suite of suites)
  for (const reason of suite.SpecialSuiteFailureReasons ?? []) console.log(`suite: ${reason}`);
console.log(
  `critest on ${kind}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped; ${unexpected.length} failures are not expected`,
);
process.exit(unexpected.length === 0 && passed.length + failed.length > 0 ? 0 : 1);

function readExpected(file: string, containerd: string): ReadonlyMap<string, string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  const rows = lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).map((line) => line.split(' | '));
  const mine = rows.filter(([where]) => where === 'all' || where === containerd);
  return new Map(mine.map(([, name = '', reason = '']) => [name, reason]));
}

function nameOf(spec: Spec): string {
  return [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText || spec.LeafNodeType].join(' ');
}

function messageOf(spec: Spec): string {
  return (spec.Failure?.Message ?? spec.State).replaceAll(/\s+/g, ' ').slice(0, MESSAGE_LENGTH);
}
