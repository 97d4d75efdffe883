import type { HttpFailureName } from './http-error.js';

const MAX_DOCUMENT_CHARACTERS = 15_000;
const MAX_JSON_DEPTH = 20;

/** What makes the body of a GraphQL request too large to look at closely; undefined when nothing does. */
export function findExcess(body: unknown): HttpFailureName | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if ('query' in body && typeof body.query === 'string' && body.query.length > MAX_DOCUMENT_CHARACTERS)
    return 'documentTooLong';
  return isDeeper(body, MAX_JSON_DEPTH) ? 'jsonTooDeep' : undefined;
}

function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true;
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null && isDeeper(part, levels - 1)) return true;
  }
  return false;
}
