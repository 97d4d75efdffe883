/** Parses a JSON text. Returns undefined, which no JSON text represents, if the text is not valid JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object and not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Only strings and braces matter: a string before a colon is a key, and braces show of which object.
const STRINGS_AND_BRACES = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g;

/** Whether an object of a valid JSON text has a key twice: JSON.parse keeps the last, which may not be intended. */
export function repeatsKey(text: string): boolean {
  /** The keys of each open object, the innermost last. */
  const open: Set<unknown>[] = [];
  for (const [token, string, colon] of text.matchAll(STRINGS_AND_BRACES)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (string !== undefined && colon !== undefined) {
      const keys = open.at(-1);
      const key: unknown = JSON.parse(string);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
  }
  return false;
}
