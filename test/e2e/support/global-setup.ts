import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { must } from './run.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Environment of the node that the tests drive, as `hack/node env` prints it. */
    nodeEnv: Record<string, string>;
  }
}

const HACK_NODE = fileURLToPath(new URL('../../../hack/node', import.meta.url));
/** Another name lets two runs on one machine keep apart. */
const NODE = process.env['DAVIT_E2E_NODE'] ?? 'e2e';

/** One node (registry, containerd, davitd) for all e2e files. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const env = { ...process.env, DAVIT_NODE: NODE };
  await must(HACK_NODE, ['up', '--containerd', process.env['DAVIT_E2E_CONTAINERD'] ?? 'debian'], env);
  const lines = await must(HACK_NODE, ['env'], env);
  project.provide('nodeEnv', { DAVIT_NODE: NODE, ...parseExports(lines) });
  return async () => void (await must(HACK_NODE, ['down'], env));
}

function parseExports(text: string): Record<string, string> {
  const found = text.matchAll(/^export ([A-Z_]+)=(?:'([^']*)'|"([^"]*)"|(.*))$/gm);
  return Object.fromEntries([...found].map((match) => [match[1], match[2] ?? match[3] ?? match[4] ?? '']));
}
