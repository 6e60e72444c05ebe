/** WebSocket as Kubernetes' clients use it: numbered channels, or a tunnel. */
export { acceptWebSocket, offeredProtocols } from './accept.ts';
export { BASE64, BINARY } from './channel-codec.ts';
export type { ChannelCodec } from './channel-codec.ts';
export { Channels } from './channels.ts';
export { webSocketTunnel } from './tunnel.ts';
