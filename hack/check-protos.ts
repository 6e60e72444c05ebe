/**
 * Compares our protocol definitions with the published ones. Run by hack/check-protos, which downloads the modules.
 * Arguments: ours and theirs for CRI, for containerd, and for hcsshim (folders).
 */
import { globSync } from 'node:fs';
import { loadRoot } from './lib/load-protos.ts';
import { compareFacts, countKinds, factsOf } from './lib/proto-facts.ts';

const [ourCri, theirCri, ourContainerd, theirContainerd, ourHcsshim, theirHcsshim] = process.argv.slice(2);
if (!ourCri || !theirCri || !ourContainerd || !theirContainerd || !ourHcsshim || !theirHcsshim) {
  console.error('check-protos.ts: six folders are needed; run hack/check-protos');
  process.exit(2);
}

const keep = { keepCase: true };
const protosIn = (dir: string): readonly string[] => globSync('**/*.proto', { cwd: dir }).sort();

/** google/ is not part of the containerd module: what containerd imports from there is taken from our folder. */
const carried = protosIn(ourContainerd).filter((file) => !file.startsWith('google/'));
const cri = factsOf(loadRoot(ourCri, protosIn(ourCri), keep), 'runtime.v1');
const theirTree = loadRoot(theirContainerd, carried, { ...keep, include: [ourContainerd] });
const ourTree = loadRoot(ourContainerd, carried, keep);
const containerd = factsOf(ourTree, 'containerd');
const anyShim = factsOf(ourTree, 'runtimeoptions.v1');
const ofHcsshim = protosIn(ourHcsshim);
const hcsshim = factsOf(loadRoot(ourHcsshim, ofHcsshim, keep), 'containerd.runhcs.v1');

const differences = [
  ...compareFacts(cri, factsOf(loadRoot(theirCri, protosIn(theirCri), keep), 'runtime.v1'), 'everything'),
  ...compareFacts(containerd, factsOf(theirTree, 'containerd'), 'what ours has'),
  ...compareFacts(anyShim, factsOf(theirTree, 'runtimeoptions.v1'), 'what ours has'),
  ...compareFacts(hcsshim, factsOf(loadRoot(theirHcsshim, ofHcsshim, keep), 'containerd.runhcs.v1'), 'what ours has'),
];

for (const difference of differences) console.log(difference);
console.log(
  `compared: CRI ${countKinds(cri)}; containerd ${countKinds(new Map([...containerd, ...anyShim]))}; ` +
    `hcsshim ${countKinds(hcsshim)}; differences ${differences.length}`,
);
process.exitCode = differences.length === 0 ? 0 : 1;
