import { nothingToRun } from '../process.ts';
import type { SpecImage } from '../process.ts';
import type { Isolation } from '../../shim-options.ts';
import { handedOn, podAnnotations } from '../annotations.ts';
import type { AnnotationRules } from '../annotations.ts';
import { OCI_VERSION } from '../oci.ts';
import { hostProcessAnnotation, windowsPart, windowsUser } from './container-spec.ts';
import type { WindowsSpecSandbox } from './container-spec.ts';
import type { OciWindowsSpec } from './oci-windows.ts';
import { windowsCwd, windowsEnv } from './process.ts';

export interface WindowsSandboxSpecInput {
  readonly sandbox: WindowsSpecSandbox;
  /** What the pod itself is made from. A pod of HostProcess containers needs none: nothing is run for it. */
  readonly image?: SpecImage;
  readonly handler: AnnotationRules;
  readonly isolation: Isolation;
}

/** Less than any container's, which has 5000 of 10000 unless it says otherwise. */
const CPU_SHARES = 2;

/**
 * The OCI runtime spec of a pod for Windows: the task that its shim wants before any container's, and that holds the
 * pod's network and, with Hyper-V, its virtual machine. Pure. Throws invalid-argument for an image without a command.
 */
export function windowsSandboxSpec({ sandbox, image, handler, isolation }: WindowsSandboxSpecInput): OciWindowsSpec {
  const { security } = sandbox;
  const own = image ?? NO_IMAGE;
  const args = [...own.config.entrypoint, ...own.config.cmd];
  if (image !== undefined && args.length === 0) throw nothingToRun(image.name);
  return {
    ociVersion: OCI_VERSION,
    hostname: sandbox.hostname,
    process: {
      terminal: false,
      user: windowsUser(security, own.config.user),
      args,
      env: windowsEnv({ env: [] }, own).env,
      cwd: windowsCwd({}, own, security.hostProcess),
    },
    mounts: [],
    annotations: {
      ...handedOn(handler, sandbox.annotations, {}),
      ...podAnnotations(sandbox, 'sandbox'),
      ...hostProcessAnnotation(security),
    },
    windows: {
      resources: { cpu: { shares: CPU_SHARES } },
      ...windowsPart(security, sandbox.networkNamespace, isolation),
    },
  };
}

const NO_IMAGE: SpecImage = {
  name: '',
  config: { entrypoint: [], cmd: [], env: [], workingDir: '', user: '', stopSignal: '', volumes: [], labels: {} },
};
