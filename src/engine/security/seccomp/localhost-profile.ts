import { architecturesOf, goArchitecture } from './architectures.ts';
import type { SeccompSubject } from './default-profile.ts';
import { isAtLeast, parseKernelVersion } from './kernel-version.ts';
import type { OciSeccomp } from './oci-seccomp.ts';
import type { ConditionalRule, RuleCondition, SeccompFile } from './parse-profile.ts';

/** What a profile of the node says about one container: the rules whose conditions hold. Pure. */
export function localhostSeccompProfile(file: SeccompFile, subject: SeccompSubject): OciSeccomp {
  const { archMap, syscalls, architectures: fixed, flags, ...rest } = file;
  const architectures = archMap === undefined ? fixed : mapped(archMap, subject.arch);
  return {
    ...rest,
    ...(architectures === undefined || architectures.length === 0 ? {} : { architectures: [...architectures] }),
    ...(flags === undefined || flags.length === 0 ? {} : { flags: [...flags] }),
    syscalls: syscalls.filter((rule) => holds(rule, subject)).map(({ rule }) => structuredClone(rule)),
  };
}

function mapped(archMap: NonNullable<SeccompFile['archMap']>, arch: string): readonly string[] {
  const [native] = architecturesOf(arch) ?? [];
  const entry = archMap.find(({ architecture }) => architecture === native);
  return entry === undefined ? [] : [entry.architecture, ...entry.subArchitectures];
}

function holds({ includes, excludes }: ConditionalRule, subject: SeccompSubject): boolean {
  const { capabilities, arch, kernel } = subject;
  const machine = goArchitecture(arch);
  const version = parseKernelVersion(kernel);
  const isRecent = ({ minKernel }: RuleCondition): boolean => minKernel !== undefined && isAtLeast(version, minKernel);
  return (
    includes.caps.every((name) => capabilities.includes(name)) &&
    (includes.arches.length === 0 || includes.arches.includes(machine)) &&
    (includes.minKernel === undefined || isRecent(includes)) &&
    !excludes.caps.some((name) => capabilities.includes(name)) &&
    !excludes.arches.includes(machine) &&
    !isRecent(excludes)
  );
}
