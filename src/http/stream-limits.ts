/** What may wait to be read by the client of a stream, in bytes; the stream of one that does not read is ended. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

/** How long the server waits for a client to notice the end of its stream, so that none holds up the end of the process. */
export const GOODBYE_MS = 1_000;
