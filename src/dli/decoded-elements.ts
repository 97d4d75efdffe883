import { randomUUID } from 'node:crypto';
import { isObject, parseJson } from '../lib/json.js';
import type { DecodedResponse, DescribedConnection } from './responses.js';

/** A list response whose elements are cut out. */
interface CutList {
  /** The parsed response, with something else in place of its elements. */
  rest: unknown;
  /** The text of each element. */
  texts: string[];
}

/** A list response, parsed without the elements that are known. */
interface ParsedList extends CutList {
  /** Each element, parsed or decoded. */
  elements: unknown[];
}

/**
 * The elements of the latest list by their text, so that the next list costs only what has changed: to parse and decode
 * ten thousand connections takes a tenth of a second. Holds the text of that list until it is cleared.
 */
export class DecodedElements {
  #byText = new Map<string, DescribedConnection>();
  #confidentialCount = 0;

  clear(): void {
    this.#byText.clear();
  }

  /** Parses a list. Undefined when it must be parsed as a whole. */
  parse({ text, confidential }: DecodedResponse): ParsedList | undefined {
    const cut = cutList(text);
    if (cut === undefined) return undefined;
    // A message that was fit to be shown may hold a credential that is new.
    if (confidential.count !== this.#confidentialCount) this.clear();
    this.#confidentialCount = confidential.count;
    const elements = cut.texts.map(each => this.#byText.get(each) ?? parseJson(each));
    return elements.every(isObject) ? { ...cut, elements } : undefined;
  }

  /** Decodes the elements that are not known, and keeps all for the next list. */
  decode(
    { texts, elements }: ParsedList,
    { undocumented }: DecodedResponse,
    decode: (element: unknown, index: number) => DescribedConnection,
  ): DescribedConnection[] {
    const known = this.#byText;
    this.#byText = new Map();
    return texts.map((text, index) => {
      const reported = undocumented.count;
      const connection = known.get(text) ?? decode(elements[index], index);
      // What is undocumented is reported with each response.
      if (undocumented.count === reported) this.#byText.set(text, connection);
      return connection;
    });
  }
}

/**
 * Cuts the elements out of a list response without parsing them. If each of them turns out to be a JSON object, they are
 * what JSON.parse would return: the rest is parsed with a text in their place that nobody can guess, and that must turn
 * up as the only element.
 *
 * @returns undefined when the response is not printed as expected
 */
function cutList(text: string): CutList | undefined {
  const start = text.indexOf('[') + 1;
  const end = text.lastIndexOf(']');
  // All elements begin alike, for example with `{"is_success":`.
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
