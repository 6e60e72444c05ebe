import { absolutePath, boolean } from './kinds.ts';
import { key, optionalKey, type Rows } from './node.ts';

/** The keys of classes of resources. */
export const CLASS_ROWS = {
  blockio_file: optionalKey(
    absolutePath(),
    '/etc/davit/blockio.yaml',
    "The file of classes of disk I/O, in goresctrl's format; read again for each container that asks for one. Absent: there are none.",
  ),
  rdt: key(
    boolean(),
    false,
    'Containers may be put into the groups of caches and memory bandwidth that are in /sys/fs/resctrl, whoever makes them there.',
  ),
  tolerate_missing: key(
    boolean(),
    false,
    'Containers run without a class that the node does not have, which the log tells. Else they are refused.',
  ),
} as const satisfies Rows;
