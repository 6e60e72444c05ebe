/** What `davit doctor` looks at; needs no davitd. */
export { examine } from './examine.ts';
export type { Finding, Level } from './finding.ts';
export type { Host } from './host.ts';
export { realHost } from './real-host.ts';
export { namedFileChecks } from '../engine/named-files.ts';
