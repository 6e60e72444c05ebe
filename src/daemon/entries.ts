import { fileURLToPath } from 'node:url';
import type { EngineEntries } from '../engine/index.ts';

/**
 * The files that davit's other processes and threads start from. They lie beside the bundle; where the sources run as
 * they are, they are sources too, and only the static program comes from the folder that is built.
 */
export function findEntries(ownUrl: string): EngineEntries {
  const pause = `native/davit-pause-${process.arch}`;
  const files = ownUrl.endsWith('.ts')
    ? {
        pump: '../pump/main.ts',
        namespaces: '../engine/runtime/namespaces/worker.ts',
        rootfs: '../engine/security/rootfs/worker.ts',
        pause: `../../dist/${pause}`,
      }
    : { pump: 'davit-pump.js', namespaces: 'davit-namespaces.js', rootfs: 'davit-rootfs.js', pause };
  const pathOf = (file: string): string => fileURLToPath(new URL(file, ownUrl));
  return {
    pump: pathOf(files.pump),
    namespaces: pathOf(files.namespaces),
    rootfs: pathOf(files.rootfs),
    pause: pathOf(files.pause),
  };
}
