/** How messages name their channel: by the first byte, or by a digit before base64. */
export interface ChannelCodec {
  encode(channel: number, chunk: Buffer): Buffer | string;
  /** Undefined for a message that names none. */
  decode(message: Buffer): { readonly channel: number; readonly chunk: Buffer } | undefined;
}

export const BINARY: ChannelCodec = {
  encode: (channel, chunk) => Buffer.concat([Buffer.of(channel), chunk]),
  decode: (message) => {
    const channel = message[0];
    return channel === undefined ? undefined : { channel, chunk: message.subarray(1) };
  },
};

const DIGIT_ZERO = 0x30;

export const BASE64: ChannelCodec = {
  encode: (channel, chunk) => `${channel}${chunk.toString('base64')}`,
  decode: (message) => {
    const digit = message[0];
    if (digit === undefined) return undefined;
    return { channel: digit - DIGIT_ZERO, chunk: Buffer.from(message.toString('latin1', 1), 'base64') };
  },
};
