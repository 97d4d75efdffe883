import { DliError } from './dli-error.js';

/** Elements per page. */
export const PAGE_SIZE = 100;
// Consecutive pages have one element in common, which shows whether the list has shifted in between.
const STEP = PAGE_SIZE - 1;
const MAX_PAGES = 300;
const CONCURRENT_PAGES = 3;
const MAX_ATTEMPTS = 3;

/** A list that is read in pages. */
interface PagedList<T> {
  /** Reads up to {@link PAGE_SIZE} elements. */
  readPage(offset: number): Promise<T[]>;
  /** The id of an element, if it has one. */
  idOf(element: T): string | null;
}

/**
 * Reads all pages of a list. If elements are removed between the reads of two pages, others may move from one to the
 * other unseen, so the list is read again, at most twice. The result may contain some elements twice.
 *
 * @throws {DliError} UNAVAILABLE if each attempt may lack elements, or there are more than 300 pages
 */
export async function readAllPages<T>(list: PagedList<T>): Promise<T[]> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { elements, hasGap } = await readOnce(list);
    if (!hasGap) return elements;
  }
  throw new DliError('UNAVAILABLE', { retryAfterSeconds: 1 });
}

async function readOnce<T>({ readPage, idOf }: PagedList<T>): Promise<{ elements: T[]; hasGap: boolean }> {
  const elements = await readPage(0);
  const ids = new Set(elements.map(idOf));
  let hasGap = false;
  // A longer page means that the list has no pages.
  let isLast = elements.length !== PAGE_SIZE;
  for (let start = 1; !isLast; start += CONCURRENT_PAGES) {
    if (start >= MAX_PAGES) throw new DliError('UNAVAILABLE');
    for (const read of startPages(start, readPage)) {
      const page = await read;
      const [overlap] = page;
      // An element added further up moves the others to later pages, which leaves no gap.
      hasGap ||= overlap === undefined || !ids.has(idOf(overlap));
      for (const element of page) ids.add(idOf(element));
      elements.push(...page);
      isLast = page.length < PAGE_SIZE;
      if (isLast) break;
    }
  }
  return { elements, hasGap };
}

function startPages<T>(start: number, readPage: PagedList<T>['readPage']): Promise<T[]>[] {
  const count = Math.min(CONCURRENT_PAGES, MAX_PAGES - start);
  const pages = Array.from({ length: count }, (_, index) => readPage((start + index) * STEP));
  // A page beyond the end may fail without being awaited.
  for (const page of pages) page.catch(() => undefined);
  return pages;
}
