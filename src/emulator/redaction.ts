import { sha256Hex } from './canonical-request.js';

const SECRET_HEADERS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-auth-token',
  'x-security-token',
  'x-subject-token',
]);

/** Headers as a plain object in which each secret is replaced by a short hash, so that equal ones can be told. */
export function redactHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const entries = [...headers].map(
    ([name, value]) => [name, SECRET_HEADERS.has(name) ? shortHash(value) : value] as const,
  );
  return Object.fromEntries(entries);
}

/** `sha256:` and the first 12 hexadecimal digits. */
function shortHash(secret: string): string {
  return `sha256:${sha256Hex(secret).slice(0, 12)}`;
}

/** A JSON text without the values of its `password` fields; a text that is not JSON is withheld as a whole. */
export function withoutPasswords(text: string): string {
  if (text === '') return '';
  try {
    const value: unknown = JSON.parse(text, (key, part: unknown) =>
      key === 'password' && typeof part !== 'object' ? '[removed]' : part,
    );
    return JSON.stringify(value);
  } catch {
    return '[not JSON, removed]';
  }
}
