import type { SandboxMetadata } from './sandbox-spec.ts';

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `user:password`. */
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface PullRequest {
  readonly image: string;
  readonly auth?: RegistryAuth;
  /** Labels and annotations of the pod that the pull is for: for logs only. */
  readonly sandbox?: SandboxMetadata;
}
