/**
 * Compares our protocol definitions with the published ones. Run by hack/check-protos, which downloads the modules.
 * Arguments: ours and theirs for CRI, ours and theirs for containerd (folders).
 */
import { globSync } from 'node:fs';
import { loadRoot } from './lib/load-protos.ts';
import { compareFacts, countKinds, factsOf } from './lib/proto-facts.ts';

const [ourCri, theirCri, ourContainerd, theirContainerd] = process.argv.slice(2);
if (!ourCri || !theirCri || !ourContainerd || !theirContainerd) {
  console.error('check-protos.ts: four folders are needed; run hack/check-protos');
  process.exit(2);
}

const keep = { keepCase: true };
const protosIn = (dir: string): readonly string[] => globSync('**/*.proto', { cwd: dir }).sort();

/** google/ is not part of the containerd module: what containerd imports from there is taken from our folder. */
const carried = protosIn(ourContainerd).filter((file) => !file.startsWith('google/'));
const cri = factsOf(loadRoot(ourCri, protosIn(ourCri), keep), 'runtime.v1');
const containerd = factsOf(loadRoot(ourContainerd, carried, keep), 'containerd');

const differences = [
  ...compareFacts(cri, factsOf(loadRoot(theirCri, protosIn(theirCri), keep), 'runtime.v1'), 'everything'),
  ...compareFacts(
    containerd,
    factsOf(loadRoot(theirContainerd, carried, { ...keep, include: [ourContainerd] }), 'containerd'),
    'what ours has',
  ),
];

for (const difference of differences) console.log(difference);
console.log(
  `compared: CRI ${countKinds(cri)}; containerd ${countKinds(containerd)}; differences ${differences.length}`,
);
process.exitCode = differences.length === 0 ? 0 : 1;
