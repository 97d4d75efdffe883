const FIN = 0x80;
const OPCODE_BITS = 0x0f;
const RESERVED_BITS = 0x70;
const MASKED = 0x80;
const MAX_CONTROL_BYTES = 125;
const TEXT = 0x1;
const CLOSE = 0x8;
const CONTROL = [CLOSE, 0x9, 0xa];

/** A message from a server: a text, or the end of the connection. */
export interface ServerMessage {
  text?: string;
  /** The code of a close frame; 1005 if it has none. */
  closeCode?: number;
}

/** The messages in the bytes that a server sent after the handshake; throws if they are not frames of a server. */
export function readServerMessages(bytes: Buffer): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const [first = 0, second = 0] = rest;
    const opcode = first & OPCODE_BITS;
    if ((first & FIN) === 0 || (first & RESERVED_BITS) !== 0 || (second & MASKED) !== 0)
      throw new Error(`not a frame of a server: ${rest.subarray(0, 20).toString('hex')}`);
    const extendedBytes = second < 126 ? 0 : second === 126 ? 2 : 8;
    if (rest.length < 2 + extendedBytes) return messages;
    const length =
      extendedBytes === 0 ? second : rest.readUIntBE(extendedBytes === 8 ? 4 : 2, extendedBytes === 8 ? 6 : 2);
    const payload = rest.subarray(2 + extendedBytes, 2 + extendedBytes + length);
    if (payload.length < length) return messages;
    rest = rest.subarray(2 + extendedBytes + length);
    if (CONTROL.includes(opcode) && length > MAX_CONTROL_BYTES) throw new Error('a control frame that is too long');
    if (opcode === TEXT) messages.push({ text: new TextDecoder('utf-8', { fatal: true }).decode(payload) });
    else if (opcode === CLOSE) messages.push({ closeCode: length >= 2 ? payload.readUInt16BE(0) : 1_005 });
    else if (!CONTROL.includes(opcode)) throw new Error(`an unexpected opcode: ${opcode}`);
  }
  return messages;
}
