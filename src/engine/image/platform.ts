/** The machine that an image is made for, in the OCI image specification's words. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** '' where there is none. */
  readonly variant: string;
}

/** Variants that a machine runs, best first; '' stands for an image that names none. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  amd64: ['', 'v1'],
  arm64: ['', 'v8'],
};

/** The platform of this process: davit runs on amd64 and arm64. */
export function nodePlatform(arch: string): Platform {
  return { os: 'linux', architecture: arch === 'x64' ? 'amd64' : arch, variant: '' };
}

/** For messages: `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== '').join('/');
}

/** The entry that fits best; entries that name no platform come last. Undefined when nothing fits. */
export function choosePlatform<T extends { readonly platform?: Platform }>(
  entries: readonly T[],
  wanted: Platform,
): T | undefined {
  const variants = wanted.variant === '' ? (VARIANTS[wanted.architecture] ?? ['']) : [wanted.variant, ''];
  for (const variant of variants) {
    const found = entries.find(
      ({ platform }) =>
        platform !== undefined &&
        platform.os === wanted.os &&
        platform.architecture === wanted.architecture &&
        platform.variant === variant,
    );
    if (found !== undefined) return found;
  }
  return entries.find(({ platform }) => platform === undefined);
}
