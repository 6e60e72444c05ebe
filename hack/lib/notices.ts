import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** The licence texts of all packages that are in the bundles: they must go where the code goes. */
export function notices(root: string, metafiles: readonly Metafile[]): string {
  const packages = new Set(metafiles.flatMap((metafile) => Object.keys(metafile.inputs).flatMap(packageFolder)));
  const sections = [...packages].toSorted((a, b) => (a < b ? -1 : 1)).map((folder) => section(join(root, folder)));
  return ['The bundles contain these packages, each under its own licence.', ...sections].join('\n\n');
}

/** `node_modules/@scope/name/lib/x.js` → `node_modules/@scope/name`, the innermost of nested ones. */
function packageFolder(input: string): readonly string[] {
  const match = /^(.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
  return match === null ? [] : [match[0]];
}

function section(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8').trim());
  if (texts.length === 0) texts.push(`(no licence file; package.json says ${String(manifest['license'])})`);
  const title = `${String(manifest['name'])} ${String(manifest['version'])} (${String(manifest['license'])})`;
  return [`${title}\n${'-'.repeat(title.length)}`, ...texts].join('\n\n');
}
