import { isolationOf } from '../runtime/shim-options.ts';
import { windowsContainerSpec } from '../runtime/spec/windows/index.ts';
import type { OciWindowsSpec, WindowsSpecSandbox } from '../runtime/spec/windows/index.ts';
import type { SandboxRecord } from '../store/index.ts';
import type { WindowsContainer, WindowsSecurity } from '../types/index.ts';
import type { SpecSubject } from './build-spec.ts';
import type { OpsDeps } from './deps.ts';
import { hostnameOf } from './hostname.ts';

/** The OCI spec of a container for Windows. Nothing is looked up on the node: paths and users are those of Windows. */
export function buildWindowsSpec(
  deps: Pick<OpsDeps, 'handlers' | 'logger'>,
  { record, sandbox, image }: Pick<SpecSubject, 'record' | 'sandbox' | 'image'>,
  windows: WindowsContainer,
): OciWindowsSpec {
  const { config } = deps.handlers.resolve(record.handlerName);
  const { spec, notices } = windowsContainerSpec({
    spec: record.spec,
    windows,
    image: { name: record.spec.image.userSpecified ?? record.spec.image.image, config: image.config },
    sandbox: windowsSpecSandbox(sandbox, sandbox.spec.windows ?? windows),
    handler: config,
    isolation: isolationOf(config),
  });
  if (notices.length > 0) deps.logger.warn({ container: record.id, notices }, 'given only in part on this node');
  return spec;
}

/** A pod as the specs of itself and of its containers show it. */
export function windowsSpecSandbox(record: SandboxRecord, security: WindowsSecurity): WindowsSpecSandbox {
  const { id, spec, namespaces } = record;
  return {
    id,
    metadata: spec.metadata,
    annotations: spec.annotations,
    hostname: hostnameOf(record),
    security,
    ...(namespaces.network === undefined ? {} : { networkNamespace: namespaces.network }),
  };
}
