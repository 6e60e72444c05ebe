export { blockDevices } from './block-devices.ts';
export { checkBlockioFile, readBlockioFile } from './file.ts';
export { ociBlockio } from './oci-blockio.ts';
export { blockioSupport } from './support.ts';
