const MAX_SHOWN_LENGTH = 200;

/** Parts of a text that may be an address or an id: of a host, a project, a connection, a key. */
const IDENTIFYING = [
  /:\/\//,
  /[0-9a-f]{16,}/i,
  /[\w-]{20,}/,
  /\d+\.\d+\.\d+\.\d+/,
  /[\w-]+\.[\w-]+\.[a-z]/i,
  /[0-9a-f]+:[0-9a-f]*:/i,
];

/**
 * DLI's hint about a successful create, when it is fit to be shown to a caller.
 *
 * @returns null for an empty hint, and for one that is long, spans lines, or holds an address or an id
 */
export function shownMessage(message: string): string | null {
  const text = message.trim();
  if (text.length > MAX_SHOWN_LENGTH || !/^[\p{L}\p{N}\p{P} ]+$/u.test(text)) return null;
  return IDENTIFYING.some(pattern => pattern.test(text)) ? null : text;
}
