/**
 * The part of the OCI runtime specification that davit writes for Windows. Without `root` and `layerFolders`: where the
 * root is, the shim learns from the mounts that containerd hands it, and fills in itself.
 */
export interface OciWindowsSpec {
  readonly ociVersion: string;
  readonly hostname?: string;
  readonly process: OciWindowsProcess;
  readonly mounts: readonly OciWindowsMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly windows: OciWindows;
}

/** Either `args` or `commandLine`. */
export interface OciWindowsProcess {
  readonly terminal: boolean;
  readonly user: { readonly username?: string };
  readonly args?: readonly string[];
  readonly commandLine?: string;
  readonly env: readonly string[];
  readonly cwd: string;
}

export interface OciWindowsMount {
  readonly destination: string;
  readonly source: string;
  readonly options: readonly ('ro' | 'rw')[];
}

export interface OciWindows {
  readonly devices?: readonly OciWindowsDevice[];
  readonly resources?: OciWindowsResources;
  readonly credentialSpec?: string;
  /** There: isolation by Hyper-V. */
  readonly hyperv?: Readonly<Record<string, never>>;
  readonly network?: { readonly networkNamespace: string };
}

export interface OciWindowsDevice {
  readonly id: string;
  readonly idType: string;
}

/** Also what a task's update takes. */
export interface OciWindowsResources {
  readonly memory?: { readonly limit: number };
  readonly cpu?: OciWindowsCpu;
  readonly storage?: { readonly sandboxSize: number };
}

export interface OciWindowsCpu {
  readonly count?: number;
  readonly shares?: number;
  readonly maximum?: number;
  readonly affinity?: readonly { readonly mask: bigint; readonly group: number }[];
}
