// Exits 0 when node_modules holds what package-lock.json names, else 1.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly optional?: boolean }>>;
}

const root = process.argv[2] ?? '.';
process.exit(isFresh() ? 0 : 1);

function isFresh(): boolean {
  const wanted = readLock(join(root, 'package-lock.json'));
  const installed = readLock(join(root, 'node_modules/.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  const names = Object.keys(wanted.packages).filter((name) => name !== '');
  return names.every((name) => {
    const want = wanted.packages[name];
    const have = installed.packages[name];
    return have === undefined ? want?.optional === true : have.version === want?.version;
  });
}

function readLock(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Lock;
  } catch {
    return undefined;
  }
}
