/** Room on a file system. */
export interface Space {
  /** The folder that was asked, or the nearest one above it that is there. */
  readonly path: string;
  /** The kernel's number for the type of file system. */
  readonly type: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** 0 where the file system does not count inodes. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** How a program ended; `output` is what it wrote to stdout. */
export interface ProgramResult {
  readonly code: number;
  readonly output: string;
}

/**
 * The host as the checks see it, for reading only. Nothing here throws: what cannot be read is empty, absent or false, and
 * nothing waits longer than a few seconds.
 */
export interface Host {
  /** `process.versions.node`. */
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly uid: number | undefined;
  /** `uname -r`. */
  readonly kernel: string;
  readonly nowMs: number;
  text(path: string): Promise<string>;
  list(path: string): Promise<readonly string[]>;
  /** What the links in a folder point to. */
  links(path: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  space(path: string): Promise<Space | undefined>;
  /** Absolute path of a program that can be run, as davitd would find it. */
  find(program: string): string | undefined;
  run(program: string, args: readonly string[]): Promise<ProgramResult | undefined>;
  /** Whether somebody accepts connections at a unix socket. */
  answers(socket: string): Promise<boolean>;
  /** What the containerd at a unix socket says its version is. */
  containerdVersion(socket: string): Promise<string | undefined>;
  /** Whether the kernel's clock is kept by somebody; undefined when the kernel does not say. */
  clockIsKept(): boolean | undefined;
  /** Whether systemd has a unit for containerd. */
  containerdIsInstalled(): boolean;
}
