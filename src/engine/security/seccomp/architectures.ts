/** A machine's own architecture first, then those whose programs it runs as well. */
const BY_MACHINE: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/** The same machines as profiles name them in their conditions. */
const GO_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** For the machine as Node names it; undefined: one that we know nothing of, so that it is its own architecture only. */
export function architecturesOf(arch: string): readonly string[] | undefined {
  const found = BY_MACHINE[arch];
  return found === undefined ? undefined : [...found];
}

/** The machine as Node names it, in the words that Docker's profile format has for it. */
export function goArchitecture(arch: string): string {
  return GO_NAMES[arch] ?? arch;
}
