const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be the id of a connection at all: DLI's are UUIDs. */
export function isConnectionId(text: string): boolean {
  return UUID.test(text);
}
