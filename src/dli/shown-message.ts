const MAX_SHOWN_LENGTH = 200;

/**
 * DLI's hint about a successful create, when it is fit to be shown to a caller.
 *
 * @returns null for an empty hint, and for one that is long, spans lines, or holds an address or an id
 */
export function shownMessage(message: string): string | null {
  const text = message.trim();
  const isPlain = /^[\p{L}\p{N}\p{P} ]+$/u.test(text);
  const mayIdentify = /:\/\/|[0-9a-f]{16,}|\d+\.\d+\.\d+\.\d+/i.test(text);
  return text.length <= MAX_SHOWN_LENGTH && isPlain && !mayIdentify ? text : null;
}
