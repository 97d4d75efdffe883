import { randomUUID } from 'node:crypto';
import { isObject, parseJson } from '../lib/json.js';
import type { DecodedResponse, DescribedConnection } from './responses.js';

/** A list response, split into its elements and the rest. */
interface SplitList {
  /** The parsed response, with something else in place of its elements. */
  rest: unknown;
  /** The text of each element. */
  texts: string[];
}

/** A list response, parsed except for the elements that are known. */
interface ParsedList extends SplitList {
  /** By position: decoded, or undefined if the element is not known. */
  known: (DescribedConnection | undefined)[];
  /** The other elements by position, parsed. */
  others: ReadonlyMap<number, unknown>;
}

/** Each element is compared with up to this many of the latest list. If more are gone, the rest is decoded again. */
const MAX_GAP = 100;

/**
 * The elements of the latest list with their texts, so that only changed elements of the next list must be decoded:
 * parsing and decoding ten thousand connections takes a tenth of a second. Holds the text of that list until cleared.
 */
export class DecodedElements {
  // Arrays in the list's order, not a map: see #indexOf.
  #texts: readonly string[] = [];
  #connections: readonly (DescribedConnection | undefined)[] = [];
  #confidentialCount = 0;

  /** Forgets the latest list. */
  clear(): void {
    this.#texts = [];
    this.#connections = [];
  }

  /** Parses a list. Undefined when it must be parsed as a whole. */
  parse({ text, confidential }: DecodedResponse): ParsedList | undefined {
    const split = splitList(text);
    if (split === undefined) return undefined;
    // A message that was safe to show may contain a newly added credential.
    if (confidential.count !== this.#confidentialCount) this.clear();
    this.#confidentialCount = confidential.count;
    const known: ParsedList['known'] = [];
    const others = new Map<number, unknown>();
    let next = 0;
    for (const each of split.texts) {
      const index = this.#indexOf(each, next);
      if (index !== undefined) next = index + 1;
      const connection = index === undefined ? undefined : this.#connections[index];
      if (connection === undefined) {
        const value = parseJson(each);
        if (!isObject(value)) return undefined;
        others.set(known.length, value);
      }
      known.push(connection);
    }
    return { ...split, known, others };
  }

  /** Decodes the elements that are not known, and keeps all for the next list. */
  decode(
    { texts, known, others }: ParsedList,
    { undocumented }: DecodedResponse,
    decode: (element: unknown, index: number) => DescribedConnection,
  ): DescribedConnection[] {
    const kept = [...known];
    const newIds = new Set<string>();
    const connections = known.map((connection, index) => {
      if (connection !== undefined) return connection;
      const reported = undocumented.count;
      const decoded = decode(others.get(index), index);
      // Otherwise it is not kept, because undocumented fields are reported for each response.
      if (undocumented.count === reported) kept[index] = decoded;
      newIds.add(decoded.id?.toLowerCase() ?? `none ${index}`);
      return decoded;
    });
    const hasRepeats =
      newIds.size < others.size ||
      (newIds.size > 0 && known.some(connection => newIds.has(connection?.id?.toLowerCase() ?? '')));
    this.#texts = texts;
    // Elements that repeat an id are decoded each time, so that no two known elements have the same id.
    this.#connections = hasRepeats ? known : kept;
    return hasRepeats ? withoutRepeats(connections) : connections;
  }

  // Lists keep their order. Looking a text up by its hash would cost three times as much as comparing it.
  #indexOf(text: string, from: number): number | undefined {
    const end = Math.min(this.#texts.length, from + MAX_GAP);
    for (let index = from; index < end; index += 1) if (this.#texts[index] === text) return index;
    return undefined;
  }
}

/** Keeps only the first of several connections with the same id. */
export function withoutRepeats(connections: readonly DescribedConnection[]): DescribedConnection[] {
  const ids = new Set<string>();
  return connections.filter(({ id }) => id === null || ids.size < ids.add(id.toLowerCase()).size);
}

/**
 * Splits a list response into its elements without parsing them. A random placeholder replaces the elements; if it is
 * the only element of the parsed remainder, and each element is a JSON object, the split is correct.
 *
 * @returns undefined when the response is not formatted as expected
 */
function splitList(text: string): SplitList | undefined {
  const start = text.indexOf('[') + 1;
  const end = text.lastIndexOf(']');
  // All elements begin with the same text, for example with `{"is_success":`.
  const head = text.slice(start, text.indexOf(':', start) + 1);
  if (start === 0 || !head.startsWith('{"')) return undefined;
  const placeholder = randomUUID();
  const rest = parseJson(`${text.slice(0, start)}"${placeholder}"${text.slice(end)}`);
  const list: unknown = isObject(rest) ? rest['connections'] : undefined;
  if (!Array.isArray(list) || list.length !== 1 || list[0] !== placeholder) return undefined;
  const texts: string[] = [];
  for (let from = start; from < end; ) {
    const comma = text.indexOf(`,${head}`, from);
    const to = comma === -1 || comma > end ? end : comma;
    texts.push(text.slice(from, to));
    from = to + 1;
  }
  return { rest, texts };
}
