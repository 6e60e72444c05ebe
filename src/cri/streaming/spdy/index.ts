/** SPDY/3.1 as Kubernetes' clients speak it: the server's end. */
export { SpdyConnection } from './connection.ts';
export type { SpdyConnectionOptions } from './connection.ts';
export type { SpdyHeaders } from './header-block.ts';
export type { SpdyStream } from './stream.ts';
