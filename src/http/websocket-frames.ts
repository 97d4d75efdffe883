const FIN = 0x80;
const OPCODE = 0x0f;
const FIRST_CONTROL_OPCODE = 0x8;
const MASK = 0x80;
const LENGTH = 0x7f;
const MASK_BYTES = 4;
// RFC 6455, section 5.2: these lengths mean that 2 or 8 bytes with the length follow.
const EXTENDED_LENGTH_BYTES: ReadonlyMap<number, number> = new Map([
  [126, 2],
  [127, 8],
]);

/** Follows the frames of a client (RFC 6455, section 5.2), to know whether a message has begun and not ended. */
export class WebSocketFrames {
  /** The bytes of a header that is incomplete. */
  #header: number[] = [];
  #payloadBytesLeft = 0;
  /** Whether the last data frame was not the last of its message. */
  #isFragmented = false;

  /** Whether the bytes so far end within a message. */
  get isWithinMessage(): boolean {
    return this.#isFragmented || this.#payloadBytesLeft > 0 || this.#header.length > 0;
  }

  /**
   * Reads the next bytes. Invalid ones make no difference, because ws closes the socket.
   *
   * @returns whether a message ended in them, or a control frame outside one
   */
  read(chunk: Buffer): boolean {
    let hasEnded = false;
    let index = 0;
    while (index < chunk.length) {
      if (this.#payloadBytesLeft > 0) {
        const bytes = Math.min(this.#payloadBytesLeft, chunk.length - index);
        this.#payloadBytesLeft -= bytes;
        index += bytes;
      } else {
        this.#header.push(chunk.readUInt8(index));
        index += 1;
        this.#endHeader();
      }
      hasEnded ||= !this.isWithinMessage;
    }
    return hasEnded;
  }

  #endHeader(): void {
    const [first = 0, second] = this.#header;
    if (second === undefined) return;
    const extendedBytes = EXTENDED_LENGTH_BYTES.get(second & LENGTH) ?? 0;
    if (this.#header.length < 2 + extendedBytes + ((second & MASK) === 0 ? 0 : MASK_BYTES)) return;
    const extended = this.#header.slice(2, 2 + extendedBytes);
    this.#payloadBytesLeft =
      extendedBytes === 0 ? second & LENGTH : extended.reduce((length, byte) => length * 256 + byte, 0);
    if ((first & OPCODE) < FIRST_CONTROL_OPCODE) this.#isFragmented = (first & FIN) === 0;
    this.#header = [];
  }
}
