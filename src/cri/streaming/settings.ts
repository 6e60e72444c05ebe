/** How the streaming server listens, and how patient it is. */
export interface StreamingSettings {
  /** An IP address. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** A session without a byte in either direction for this long is ended. */
  readonly idleTimeoutMs: number;
  /** For a client that has connected to open the streams of what it asked for. */
  readonly creationTimeoutMs: number;
  /** Paths of PEM files; with a certificate there is a key, and TLS. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tlsMinVersion: '1.2' | '1.3';
}
