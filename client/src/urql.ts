import { introspection } from './generated/introspection.js';
import { possibleTypes } from './generated/possible-types.js';

interface Entity {
  __typename?: string;
}

interface Cache {
  resolve(
    entity: string | { __typename: string; id: string },
    field: string,
    args?: Record<string, unknown> | null,
  ): unknown;
  inspectFields(entity: string): { fieldName: string; arguments: Record<string, unknown> | null }[];
  invalidate(
    entity: string | { __typename: string; id: string },
    field?: string,
    args?: Record<string, unknown> | null,
  ): void;
}

const KINDS = possibleTypes['DatasourceConnection'] ?? [];

/** Objects without an id are stored within their parents. */
const EMBEDDED = introspection.__schema.types.filter(
  type => type.kind === 'OBJECT' && !type.fields.some(({ name }) => name === 'id'),
);

/**
 * Settings for `cacheExchange(graphcacheConfig)` of `@urql/exchange-graphcache`. Lists are read again after a create,
 * bind, unbind or delete; a deleted connection leaves the cache; a query by id finds a connection of a loaded list.
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
        if (known !== undefined) return known as string | null;
        const entities = KINDS.map(__typename => ({ __typename, id: String(args['id']) }));
        return entities.find(entity => cache.resolve(entity, 'id') !== undefined) ?? entities[0];
      },
    },
  },
  updates: {
    Mutation: {
      createDatasourceConnection: rereadListsAfterSuccess,
      createEnhancedDatasourceConnection: rereadListsAfterSuccess,
      bindDatasourceConnection: rereadListsAfterSuccess,
      unbindDatasourceConnection: rereadListsAfterSuccess,
      deleteDatasourceConnection(
        result: { deleteDatasourceConnection?: Entity & { connectionId?: string } },
        _args: unknown,
        cache: Cache,
      ): void {
        const { __typename, connectionId = '' } = result.deleteDatasourceConnection ?? {};
        if (__typename !== 'DeleteDatasourceConnectionSuccess') return;
        for (const kind of KINDS) cache.invalidate({ __typename: kind, id: connectionId });
        invalidateLists(cache);
      },
    },
  },
};

function rereadListsAfterSuccess(result: Record<string, unknown>, _args: unknown, cache: Cache): void {
  const isSuccess = (payload: unknown) => (payload as Entity | undefined)?.__typename?.endsWith('Success') === true;
  if (Object.values(result).some(isSuccess)) invalidateLists(cache);
}

function invalidateLists(cache: Cache): void {
  for (const { fieldName, arguments: args } of cache.inspectFields('Query'))
    if (fieldName === 'datasourceConnections') cache.invalidate('Query', fieldName, args);
}
