export { defaultSeccompProfile } from './default-profile.ts';
export type { SeccompSubject } from './default-profile.ts';
export { localhostSeccompProfile } from './localhost-profile.ts';
export type { OciSeccomp } from './oci-seccomp.ts';
export { parseSeccompProfile } from './parse-profile.ts';
export type { SeccompFile } from './parse-profile.ts';
export { checkProfileFile, readProfileFile } from './profile-file.ts';
