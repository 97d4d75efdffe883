import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import type { ObservableQuery, OperationVariables, TypedDocumentNode } from '@apollo/client';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import {
  BindDatasourceConnectionDocument,
  CreateDatasourceConnectionDocument,
  DatasourceConnectionsDocument,
  DatasourceServicesDocument,
  DeleteDatasourceConnectionDocument,
} from 'dli-gateway-client';
import { apolloCacheConfig, markDeleted } from 'dli-gateway-client/apollo';
import { filter, firstValueFrom } from 'rxjs';
import type { Stack } from './helpers/stack.js';
import { INPUT, POOL, startStack } from './helpers/stack.js';

let stack: Stack;
before(async () => {
  stack = await startStack();
});

function createApollo(cache = new InMemoryCache(apolloCacheConfig)) {
  return new ApolloClient({ link: new HttpLink({ uri: stack.url }), cache });
}

/** Creates a connection of a name that is taken. */
async function createAgain(client: ApolloClient) {
  await stack.seed({ name: 'taken', destination: INPUT.url });
  const variables = { input: { ...INPUT, name: 'taken' } };
  return (await client.mutate({ mutation: CreateDatasourceConnectionDocument, variables })).data
    ?.createDatasourceConnection;
}

it('loses the texts of errors with a plain cache, which does not know the members of the unions', async () => {
  assert.deepEqual(await createAgain(createApollo(new InMemoryCache())), {
    __typename: 'NameTakenError',
    name: 'taken',
  });
});

it('keeps the texts of errors with the settings', async () => {
  assert.deepEqual(await createAgain(createApollo()), {
    __typename: 'NameTakenError',
    name: 'taken',
    message: 'A connection of this name exists already. Choose another name.',
    code: 'NAME_CONFLICT',
  });
});

it('joins the pages of a list, and keeps lists of other filters apart', async () => {
  const client = createApollo();
  await stack.seed({ name: 'page-1' }, { name: 'page-2' }, { name: 'page-3' }, { name: 'other-1' });
  const variables = { filter: { name: 'page' }, order: 'NAME' as const, first: 2 };
  const list = client.watchQuery({ query: DatasourceConnectionsDocument, variables });
  const first = (await loaded(list)).data.datasourceConnections;
  await list.fetchMore({ variables: { after: first?.nextCursor ?? null } });
  await client.query({ query: DatasourceConnectionsDocument, variables: { ...variables, filter: { name: 'other' } } });

  const { data } = list.getCurrentResult();
  assert.deepEqual(namesIn(data), ['page-1', 'page-2', 'page-3']);
  assert.equal(data?.datasourceConnections?.totalCount, 3);
  assert.equal(data?.datasourceConnections?.nextCursor, null);
});

it('finds a connection of a list by its id without a request, of either kind', async () => {
  const client = createApollo();
  const [classicId = ''] = await stack.seed({ name: 'listed' });
  const [enhancedId = ''] = await stack.seedEnhanced({ name: 'listed_enhanced' });
  await client.query({ query: DatasourceConnectionsDocument });
  const fragment = gql`fragment Name on DatasourceConnection { name }`;
  const query: TypedDocumentNode<{ datasourceConnection: { name: string } }> = gql`
    query Name($id: ID!) { datasourceConnection(id: $id) { ...Name } }
    ${fragment}
  `;
  const names = [classicId, enhancedId].map(
    id => client.readQuery({ query, variables: { id } })?.datasourceConnection.name,
  );
  assert.deepEqual(names, ['listed', 'listed_enhanced']);
});

it('keeps lists right after a bind and after a delete of an enhanced connection', async () => {
  const client = createApollo();
  await stack.settings({ peeringMs: 0 });
  const [id = ''] = await stack.seedEnhanced({ name: 'unbound_1' }, { name: 'unbound_2' });
  const variables = { filter: { name: 'unbound', readiness: ['UNBOUND' as const] }, order: 'NAME' as const };
  const unbound = client.watchQuery({ query: DatasourceConnectionsDocument, variables });
  const all = client.watchQuery({
    query: DatasourceConnectionsDocument,
    variables: { filter: { name: 'unbound' }, order: 'NAME' },
  });
  await loaded(unbound);
  await loaded(all);
  const input = { connectionId: id, resources: [POOL] };
  await client.mutate({ mutation: BindDatasourceConnectionDocument, variables: { input } });
  assert.deepEqual(namesIn(unbound.getCurrentResult().data), ['unbound_2']);
  assert.deepEqual(namesIn(all.getCurrentResult().data), ['unbound_1', 'unbound_2']);

  const mutation = DeleteDatasourceConnectionDocument;
  await client.mutate({ mutation, variables: { input: { id } }, update: markDeleted });
  assert.deepEqual(namesIn(all.getCurrentResult().data), ['unbound_2']);
});

it('drops a deleted connection from the lists that do not show deleted ones', async () => {
  const client = createApollo();
  const [id = ''] = await stack.seed({ name: 'gone-1' }, { name: 'gone-2' });
  const query = DatasourceConnectionsDocument;
  const without = client.watchQuery({ query, variables: { filter: { name: 'gone' }, order: 'NAME' } });
  const including = client.watchQuery({
    query,
    variables: { filter: { name: 'gone', includeDeleted: true }, order: 'NAME' },
  });
  await loaded(without);
  await loaded(including);
  const { data } = await client.mutate({
    mutation: DeleteDatasourceConnectionDocument,
    variables: { input: { id } },
    update: markDeleted,
  });

  assert.equal(data?.deleteDatasourceConnection.__typename, 'DeleteDatasourceConnectionSuccess');
  assert.deepEqual(namesIn(without.getCurrentResult().data), ['gone-2']);
  assert.equal(without.getCurrentResult().data?.datasourceConnections?.totalCount, 1);
  assert.deepEqual(namesIn(including.getCurrentResult().data), ['gone-1', 'gone-2']);
});

it('keeps every kind of service', async () => {
  const client = createApollo();
  await client.query({ query: DatasourceServicesDocument });
  assert.ok(Object.keys(client.cache.extract() as object).includes('DatasourceServiceInfo:{"service":"RDS"}'));
});

/** Keeps a list up to date, and waits for its first result. */
function loaded<T, V extends OperationVariables>(list: ObservableQuery<T, V>) {
  list.subscribe(() => {});
  return firstValueFrom(list.pipe(filter(result => result.dataState === 'complete')));
}

function namesIn(data: { datasourceConnections?: { items?: ({ name?: string } | undefined)[] } } | undefined) {
  return data?.datasourceConnections?.items?.map(item => item?.name);
}
