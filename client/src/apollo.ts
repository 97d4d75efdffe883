import type { DatasourceConnectionFilter } from './generated/documents.js';
import { possibleTypes } from './generated/possible-types.js';

/** An object of the cache, as Apollo Client refers to it. */
type Item = { readonly __ref: string } | { readonly __typename: string };

interface Page {
  readonly items: readonly Item[];
  readonly totalCount?: number;
  readonly nextCursor?: string | null;
}

interface FieldTools {
  args: Record<string, unknown> | null;
  // The types of Apollo Client, which this package does not depend on, allow anything here.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readField: (name: string, item: any) => any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  toReference: (object: any) => any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  canRead: (reference: any) => boolean;
}

const KINDS = possibleTypes['DatasourceConnection'] ?? [];

/**
 * Settings for `new InMemoryCache(apolloCacheConfig)`. Pages of a list that differ only in `after` and `first` are
 * merged; a connection leaves the lists whose filters its new state does not match; a query by id finds a connection
 * that a list has loaded; and error messages are kept, because the members of the unions are known.
 */
export const apolloCacheConfig = {
  possibleTypes,
  typePolicies: {
    DatasourceServiceInfo: { keyFields: ['service'] as string[] },
    // Replaced as a whole.
    DatasourceConnection: { fields: { queues: { merge: false }, tags: { merge: false } } },
    EnhancedDatasourceConnection: { fields: { bindings: { merge: false }, routes: { merge: false } } },
    Query: {
      fields: {
        datasourceConnection: {
          keyArgs: ['id'] as string[],
          read: (existing: unknown, { args, toReference, canRead }: FieldTools) =>
            existing === undefined
              ? KINDS.map(__typename => toReference({ __typename, id: args?.['id'] })).find(canRead)
              : existing,
        },
        datasourceConnections: {
          keyArgs: ['filter', 'order'] as string[],
          merge(existing: Page | undefined, incoming: Page, { args }: FieldTools): Page {
            if (typeof args?.['after'] !== 'string' || existing === undefined) return incoming;
            const known = new Set(existing.items.map(refOf));
            return {
              ...incoming,
              items: [...existing.items, ...incoming.items.filter(item => !known.has(refOf(item)))],
            };
          },
          read(existing: Page | undefined, { args, readField }: FieldTools): Page | undefined {
            if (existing === undefined) return undefined;
            const filter = args?.['filter'] as DatasourceConnectionFilter | null | undefined;
            const items = existing.items.filter(item => matchesFilter(readField, item, filter));
            const hiddenCount = existing.items.length - items.length;
            const { totalCount } = existing;
            return { ...existing, items, ...(totalCount !== undefined && { totalCount: totalCount - hiddenCount }) };
          },
        },
      },
    },
  },
};

/** For `update` of a delete: marks the connection as deleted, so that it leaves the cached lists. */
export function markDeleted(
  // biome-ignore lint/suspicious/noExplicitAny: the types of Apollo Client, which this package does not depend on
  cache: { identify(object: any): string | undefined; modify(options: any): boolean },
  {
    data,
  }: { data?: { deleteDatasourceConnection: { __typename?: string; connectionId?: string } } | null | undefined },
): void {
  const { __typename, connectionId } = data?.deleteDatasourceConnection ?? {};
  if (__typename !== 'DeleteDatasourceConnectionSuccess') return;
  for (const kind of KINDS) {
    const id = cache.identify({ __typename: kind, id: connectionId });
    cache.modify({ id, fields: { state: () => 'DELETED' } });
  }
}

function refOf(item: Item): unknown {
  return '__ref' in item ? item.__ref : item;
}

/** Whether a list with this filter still shows a connection. A field that is not in the cache does not hide it. */
function matchesFilter(
  readField: FieldTools['readField'],
  item: Item,
  filter: DatasourceConnectionFilter | null | undefined,
): boolean {
  const [state, readiness]: unknown[] = [readField('state', item), readField('readiness', item)];
  if (filter?.readiness && readiness !== undefined && !filter.readiness.some(listed => listed === readiness))
    return false;
  if (state === undefined) return true;
  if (filter?.states) return filter.states.some(listed => listed === state);
  return state !== 'DELETED' || filter?.includeDeleted === true;
}
