export { createPodPorts } from './pod-ports.ts';
export type { PodPort, PodPorts } from './pod-ports.ts';
