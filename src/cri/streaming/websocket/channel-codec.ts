import { MESSAGE, messageHead } from './message.ts';

/** How messages name their channel: by the first byte, or by a digit before base64. */
export interface ChannelCodec {
  /** The message as a server sends it, in parts; the chunk's own memory may be among them. */
  encode(channel: number, chunk: Buffer): readonly Buffer[];
  /** Undefined for a message that names none. */
  decode(message: Buffer): { readonly channel: number; readonly chunk: Buffer } | undefined;
}

export const BINARY: ChannelCodec = {
  encode: (channel, chunk) => [messageHead(MESSAGE.binary, 1 + chunk.length, channel), chunk],
  decode: (message) => {
    const channel = message[0];
    return channel === undefined ? undefined : { channel, chunk: message.subarray(1) };
  },
};

const DIGIT_ZERO = 0x30;

export const BASE64: ChannelCodec = {
  encode: (channel, chunk) => {
    const text = Buffer.from(`${channel}${chunk.toString('base64')}`, 'latin1');
    return [messageHead(MESSAGE.text, text.length), text];
  },
  decode: (message) => {
    const digit = message[0];
    if (digit === undefined) return undefined;
    return { channel: digit - DIGIT_ZERO, chunk: Buffer.from(message.toString('latin1', 1), 'base64') };
  },
};
