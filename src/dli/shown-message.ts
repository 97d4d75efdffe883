const MAX_SHOWN_LENGTH = 200;

// A word of letters, or a number too short to be an address, a port or an id.
const WORD = "(?:\\p{L}+(?:[-'’]\\p{L}+)*|\\d{1,3})";
const PLAIN_PROSE = new RegExp(
  `^["“(]*${WORD}(?:[,;:.!?)"”]* ["“(]*${WORD}|[，；：。！？、]+${WORD})*[,;:.!?)"”，；：。！？]*$`,
  'u',
);

/**
 * DLI's hint about a successful create, when it is fit to be shown to a caller.
 *
 * @returns null for an empty hint, and for one that is not plain words: it may hold an address or an id
 */
export function shownMessage(message: string): string | null {
  const text = message.trim();
  // The length comes first: it bounds the work of the expression.
  return text.length <= MAX_SHOWN_LENGTH && PLAIN_PROSE.test(text) ? text : null;
}
