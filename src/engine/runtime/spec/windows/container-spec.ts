import { invalidField } from '../../../errors.ts';
import type { Isolation } from '../../shim-options.ts';
import type { ContainerSpec, WindowsContainer, WindowsSecurity } from '../../../types/index.ts';
import { containerAnnotations, handedOn } from '../annotations.ts';
import type { AnnotationRules, SpecPod } from '../annotations.ts';
import { OCI_VERSION } from '../oci.ts';
import type { SpecImage } from '../process.ts';
import { windowsDevices } from './devices.ts';
import { windowsMounts } from './mounts.ts';
import type { OciWindows, OciWindowsSpec } from './oci-windows.ts';
import { windowsCommand, windowsCwd, windowsEnv } from './process.ts';
import { checkWindowsResources, ociWindowsResources } from './resources.ts';

/** The pod that a container for Windows is made in. */
export interface WindowsSpecSandbox extends SpecPod {
  readonly hostname: string;
  readonly security: WindowsSecurity;
  /** Name of its network namespace; absent: it is on the node's network. */
  readonly networkNamespace?: string;
}

export interface WindowsContainerSpecInput {
  readonly spec: ContainerSpec;
  readonly windows: WindowsContainer;
  readonly image: SpecImage;
  readonly sandbox: WindowsSpecSandbox;
  readonly handler: AnnotationRules;
  readonly isolation: Isolation;
}

export interface WindowsSpecResult {
  readonly spec: OciWindowsSpec;
  readonly notices: readonly string[];
}

/** Tells the shim that processes are the node's own. */
const HOST_PROCESS = 'microsoft.com/hostprocess-container';

/**
 * The OCI runtime spec of a container for Windows. Pure, as containerSpec() is. Throws invalid-argument naming the field
 * for a request that makes no sense.
 */
export function windowsContainerSpec(input: WindowsContainerSpecInput): WindowsSpecResult {
  const { spec, windows, image, sandbox } = input;
  const { hostProcess } = windows;
  checkHostProcess(windows, sandbox);
  checkWindowsResources(windows.resources, 'config.windows.resources');
  const env = windowsEnv(spec, image);
  const mounts = windowsMounts(spec.mounts);
  const resources = ociWindowsResources(windows.resources);
  const devices = windowsDevices(spec.devices);
  return {
    spec: {
      ociVersion: OCI_VERSION,
      hostname: sandbox.hostname,
      process: {
        terminal: spec.tty,
        user: windowsUser(windows, image.config.user),
        ...windowsCommand(spec, image),
        env: env.env,
        cwd: windowsCwd(spec, image, hostProcess),
      },
      mounts: mounts.mounts,
      annotations: {
        ...handedOn(input.handler, sandbox.annotations, spec.annotations),
        ...containerAnnotations(sandbox, spec.metadata.name, image.name),
        ...hostProcessAnnotation(windows),
      },
      windows: {
        ...(devices.length === 0 ? {} : { devices }),
        ...(resources === undefined ? {} : { resources }),
        ...windowsPart(windows, sandbox.networkNamespace, input.isolation),
      },
    },
    notices: [...env.notices, ...mounts.notices],
  };
}

/** Throws invalid-argument where processes of the node are asked for of a handler that gives each pod a virtual machine. */
export function checkIsolation({ hostProcess }: WindowsSecurity, handler: string, isolation: Isolation): void {
  if (!hostProcess || isolation === 'process') return;
  const problem = `handler ${handler} gives each pod a virtual machine; ask for one that isolates by PROCESS`;
  throw invalidField('config.windows.security_context.host_process', problem);
}

/** The annotation by which the shim tells containers from processes of the node. */
export function hostProcessAnnotation({ hostProcess }: WindowsSecurity): Readonly<Record<string, string>> {
  return { [HOST_PROCESS]: String(hostProcess) };
}

/** The request's user before the image's; whether there is such a user, Windows says at the start. */
export function windowsUser({ runAsUsername }: WindowsSecurity, imageUser: string): { readonly username?: string } {
  const username = runAsUsername ?? imageUser;
  return username === '' ? {} : { username };
}

/** What pods and their containers have in common. */
export function windowsPart(
  { credentialSpec }: WindowsSecurity,
  networkNamespace: string | undefined,
  isolation: Isolation,
): Pick<OciWindows, 'credentialSpec' | 'hyperv' | 'network'> {
  return {
    ...(credentialSpec === undefined ? {} : { credentialSpec }),
    ...(isolation === 'hypervisor' ? { hyperv: {} } : {}),
    ...(networkNamespace === undefined ? {} : { network: { networkNamespace } }),
  };
}

function checkHostProcess({ hostProcess }: WindowsContainer, { security }: WindowsSpecSandbox): void {
  if (hostProcess === security.hostProcess) return;
  const which = security.hostProcess
    ? 'is off, but the pod is one of HostProcess containers'
    : 'is on, but the pod is not';
  throw invalidField('config.windows.security_context.host_process', `${which}: all containers of a pod are, or none`);
}
