import { boolean, integer, oneOf } from './kinds.ts';
import { key, type Rows } from './node.ts';

/** Fewer have no pairs for the pods of a node. */
const LEAST_CATEGORIES = 32;
/** What the common policies have. */
const CATEGORIES = 1024;

/** The keys of the kernel's security modules. */
export const SECURITY_ROWS = {
  apparmor: key(
    oneOf('auto', 'off'),
    'auto',
    'Whether containers have AppArmor profiles: where the node can, or never. Off: the default is passed over, Localhost refused.',
  ),
  selinux: key(
    oneOf('auto', 'off'),
    'auto',
    'Whether pods, containers and their files have labels of SELinux: where the node can, or never. Options of requests are passed over then. Change it on a node without pods.',
  ),
  selinux_on_host_network: key(
    boolean(),
    true,
    "Whether pods on the node's network have labels of SELinux. Off: new ones run under the label of their shim, as with CRI-O's hostnetwork_disable_selinux.",
  ),
  selinux_category_range: key(
    integer({ min: LEAST_CATEGORIES, max: CATEGORIES }),
    CATEGORIES,
    'The level of a new pod has two categories below this, for policies that have fewer or keep some for others.',
  ),
} as const satisfies Rows;
