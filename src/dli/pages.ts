import { DliError } from './dli-error.js';

/** Elements per page. */
export const PAGE_SIZE = 100;
// Consecutive pages have one element in common, which shows whether the list has moved in between.
const STEP = PAGE_SIZE - 1;
const MAX_PAGES = 300;
const CONCURRENT_PAGES = 3;

/** A list that is read in pages. */
interface PagedList<T> {
  /** Reads up to {@link PAGE_SIZE} elements. */
  readPage(offset: number): Promise<T[]>;
  /** What identifies an element, if it has an id. */
  idOf(element: T): string | null;
}

/**
 * Reads all pages of a list. A list that has moved between two pages is read once more, and then accepted as it is: it
 * may have some elements twice.
 *
 * @throws {DliError} UNAVAILABLE if there are more than 300 pages
 */
export async function readPages<T>(list: PagedList<T>): Promise<T[]> {
  const first = await readOnce(list);
  return first.hasMoved ? (await readOnce(list)).elements : first.elements;
}

async function readOnce<T>({ readPage, idOf }: PagedList<T>): Promise<{ elements: T[]; hasMoved: boolean }> {
  const elements = await readPage(0);
  let hasMoved = false;
  // A longer page is a list without pages.
  let isLast = elements.length !== PAGE_SIZE;
  for (let start = 1; !isLast; start += CONCURRENT_PAGES) {
    if (start >= MAX_PAGES) throw new DliError('UNAVAILABLE');
    for (const read of startPages(start, readPage)) {
      const page = await read;
      const [overlap] = page;
      const last = elements.at(-1);
      hasMoved ||= overlap === undefined || last === undefined || idOf(overlap) !== idOf(last);
      elements.push(...page);
      isLast = page.length < PAGE_SIZE;
      if (isLast) break;
    }
  }
  return { elements, hasMoved };
}

function startPages<T>(start: number, readPage: PagedList<T>['readPage']): Promise<T[]>[] {
  const count = Math.min(CONCURRENT_PAGES, MAX_PAGES - start);
  const pages = Array.from({ length: count }, (_, index) => readPage((start + index) * STEP));
  // A page beyond the end need not be readable, and nobody may wait for it.
  for (const page of pages) page.catch(() => undefined);
  return pages;
}
