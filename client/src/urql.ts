import { introspection } from './generated/introspection.js';

interface Entity {
  __typename?: string;
}

interface Cache {
  resolve(entity: string, field: string, args?: Record<string, unknown> | null): unknown;
  inspectFields(entity: string): { fieldName: string; arguments: Record<string, unknown> | null }[];
  invalidate(
    entity: string | { __typename: string; id: string },
    field?: string,
    args?: Record<string, unknown> | null,
  ): void;
}

/** Objects without an id are stored with what they belong to. */
const EMBEDDED = introspection.__schema.types.filter(
  type => type.kind === 'OBJECT' && !type.fields.some(({ name }) => name === 'id'),
);

/**
 * Settings for `cacheExchange(graphcacheConfig)` of `@urql/exchange-graphcache`. Lists are read again after a create
 * or a delete; a deleted connection leaves the cache; a connection of a list is found by its id.
 */
export const graphcacheConfig = {
  schema: introspection,
  keys: {
    ...Object.fromEntries(EMBEDDED.map(({ name }) => [name, () => null])),
    DatasourceServiceInfo: (data: Record<string, unknown>) => String(data['service']),
  },
  resolvers: {
    Query: {
      datasourceConnection(_parent: unknown, args: Record<string, unknown>, cache: Cache) {
        const known = cache.resolve('Query', 'datasourceConnection', args);
        // Null is the gateway's own answer: there is no such connection.
        return known === undefined
          ? { __typename: 'ClassicDatasourceConnection', id: String(args['id']) }
          : (known as string | null);
      },
    },
  },
  updates: {
    Mutation: {
      createDatasourceConnection(result: { createDatasourceConnection?: Entity }, _args: unknown, cache: Cache): void {
        const payload = result.createDatasourceConnection;
        if (payload?.__typename === 'CreateDatasourceConnectionSuccess') invalidateLists(cache);
      },
      deleteDatasourceConnection(
        result: { deleteDatasourceConnection?: Entity & { connectionId?: string } },
        _args: unknown,
        cache: Cache,
      ): void {
        const { __typename, connectionId = '' } = result.deleteDatasourceConnection ?? {};
        if (__typename !== 'DeleteDatasourceConnectionSuccess') return;
        cache.invalidate({ __typename: 'ClassicDatasourceConnection', id: connectionId });
        invalidateLists(cache);
      },
    },
  },
};

function invalidateLists(cache: Cache): void {
  for (const { fieldName, arguments: args } of cache.inspectFields('Query'))
    if (fieldName === 'datasourceConnections') cache.invalidate('Query', fieldName, args);
}
