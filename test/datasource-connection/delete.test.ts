import { afterEach, describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, NO_ID, remove, seed } from '../helpers/deletion.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { CONNECTION_FIELDS, connectionOf } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

afterEach(closeGateways);

const shared = shareGateway();
const creatingAtOnce = shareGateway({ emulator: { creationMs: 0 } });

const DELETE = `mutation ($id: ID!) { deleteDatasourceConnection(input: {id: $id}) {
  ... on DeleteDatasourceConnectionSuccess { connectionId connection { ${CONNECTION_FIELDS} } }
  ... on UserError { code }
} }`;

async function deleted({ send }: Pick<TestGateway, 'send'>, id: string, headers?: Record<string, string>) {
  const { body } = await send({ query: DELETE, variables: { id } }, headers);
  return body.data?.['deleteDatasourceConnection'];
}

const calls = ({ emulator }: TestGateway) => emulator.ledger.entries().map(({ method }) => method);

describe('deleteDatasourceConnection', () => {
  it.each(['ACTIVE', 'FAILED', 'ABNORMAL'])('deletes a connection that is %s', async state => {
    const gateway = shared();
    const id = seed(gateway.emulator, { state });

    expect(await remove(gateway, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(exists(gateway.emulator, id)).toBe(false);
    const [sent] = gateway.emulator.ledger.entries('deleteConnection');
    expect(sent).toMatchObject({ method: 'DELETE', body: '', authenticated: true });
    expect(sent?.path).toMatch(new RegExp(`/datasource-connection/${id}$`));
  });

  it.each(['', '4711', `${NO_ID}/x`, '../emulator/reset', `${NO_ID}?x=1`])('refuses an invalid id: %j', async id => {
    const gateway = shared();

    expect(await remove(gateway, id)).toEqual({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      message: 'The input breaks the rules listed in problems. Nothing was sent to DLI.',
      problems: [
        {
          path: ['id'],
          code: 'WRONG_FORMAT',
          message: 'id must be a UUID, as the id of every connection is.',
          limit: null,
        },
      ],
    });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([{}, { state: 'DELETED' }])(
    'returns ConnectionNotFoundError for an unknown connection: %j',
    async partial => {
      const gateway = shared();
      const isThere = 'state' in partial;
      const id = isThere ? seed(gateway.emulator, partial) : NO_ID;

      expect(await remove(gateway, id)).toEqual({
        __typename: 'ConnectionNotFoundError',
        code: 'CONNECTION_NOT_FOUND',
        message: 'There is no connection of this id.',
        connectionId: id,
      });
      expect(deletesSentTo(gateway.emulator)).toBe(0);
    },
  );

  it('returns ConnectionCreatingError while the connection is being created, without sending a delete', async () => {
    const gateway = shared();
    const { connectionId = '' } = await gateway.create();

    expect(await remove(gateway, connectionId)).toEqual({
      __typename: 'ConnectionCreatingError',
      code: 'CONNECTION_CREATING',
      message: 'The connection is still being created and cannot be deleted yet. Try again later.',
      retryAfterSeconds: 5,
    });
    expect(deletesSentTo(gateway.emulator)).toBe(0);
  });

  it("returns ConnectionCreatingError when only DLI's refusal shows that creation is not finished", async () => {
    const gateway = shared();
    const { connectionId = '' } = await gateway.create();
    gateway.emulator.inject({ operation: 'getConnection', body: { state: 'ACTIVE', name: 'orders_pg' } });

    expect(await remove(gateway, connectionId)).toMatchObject({ code: 'CONNECTION_CREATING' });
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('frees the name', async () => {
    const gateway = creatingAtOnce();
    const { connectionId: first = '' } = await gateway.create();
    await remove(gateway, first);

    expect(await gateway.create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(await remove(gateway, first)).toMatchObject({ __typename: DELETED });
    expect(gateway.emulator.connections().map(({ state }) => state)).toEqual(['DELETED', 'ACTIVE']);
  });

  it('is visible to reads at once, despite cached reads', async () => {
    const gateway = creatingAtOnce();
    const list = async () => {
      const { body } = await gateway.send({ query: '{ datasourceConnections { items { id state } } }' });
      const page = body.data?.['datasourceConnections'] as { items: { id: string }[] } | undefined;
      return page?.items.map(({ id }) => id);
    };
    expect(await list()).toEqual([]);
    const { connectionId: id = '' } = await gateway.create();
    expect(await list()).toEqual([id]);
    await remove(gateway, id);

    expect(await list()).toEqual([]);
  });
});

describe('a delete that DLI rejects', () => {
  it.each([
    [
      '404 APIGW.0101',
      'DLI does not offer this operation here. Note that Huawei ended classic connections in 2024.',
      'The API does not exist or has not been published in the environment.',
    ],
    [
      '400 DLI.0016',
      "The gateway's identity in Huawei Cloud may not delete connections.",
      'The identity and role are incorrect.',
    ],
    ['400 DLI.0009', 'A restriction of DLI forbids this.', 'System restrictions.'],
    ['400 DLI.1028', 'DLI refused the request.', 'The quota is insufficient.'],
  ])('with %s is a DliRejectedError, after one more check of the connection', async (answer, message, words) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    const [, dliCode = ''] = answer.split(' ');
    gateway.emulator.inject({ operation: 'deleteConnection', error: dliCode });

    expect(await remove(gateway, id)).toEqual({
      __typename: 'DliRejectedError',
      code: 'UPSTREAM_REJECTED',
      message: `${message} This call deleted nothing. DLI's reason: ${words}`,
      dliCode,
      requestId: expect.stringMatching(/^\w+$/),
    });
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([true, 1]);
    expect(gateway.emulator.ledger.count('getConnection')).toBe(2);
  });

  it.each([
    ['429', { error: 'APIGW.0308', headers: { 'Retry-After': '7' } }, 'UPSTREAM_THROTTLED', 7],
    ['429 without a body', { status: 429 }, 'UPSTREAM_THROTTLED', 2],
    ['503 APIGW.0613', { error: 'APIGW.0613' }, 'UPSTREAM_UNAVAILABLE', 2],
    ['401', { error: 'APIGW.0301' }, 'UPSTREAM_AUTH_FAILED', 60],
    ['403', { error: 'APIGW.0302' }, 'UPSTREAM_AUTH_FAILED', 60],
  ] as const)('with %s may be repeated', async (_what, fault, code, retryAfterSeconds) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', times: 0, ...fault });

    expect(await remove(gateway, id)).toMatchObject({
      __typename: 'DliUnavailableError',
      code,
      message: expect.stringContaining('This call deleted nothing'),
      retryAfterSeconds,
    });
    expect(exists(gateway.emulator, id)).toBe(true);
    gateway.emulator.clearFaults();
    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });

  it('with a single 401 is retried with a new token', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error: 'APIGW.0301' });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([false, 2]);
  });
});

describe('a connection that cannot be read before the delete', () => {
  it.each([
    ['500', { status: 500 }, 'UPSTREAM_UNAVAILABLE'],
    ['an HTML page', { status: 200, body: '<html></html>' }, 'UPSTREAM_UNAVAILABLE'],
    ['a reset', { behaviour: 'reset' }, 'UPSTREAM_UNAVAILABLE'],
    ['429', { error: 'APIGW.0308' }, 'UPSTREAM_THROTTLED'],
    ['403', { error: 'APIGW.0302' }, 'UPSTREAM_AUTH_FAILED'],
    ['404 APIGW.0101', { error: 'APIGW.0101' }, 'UPSTREAM_REJECTED'],
  ] as const)('because of %s is not deleted', async (_what, fault, code) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'getConnection', times: 0, ...fault });

    expect(await remove(gateway, id)).toMatchObject({ code });
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([true, 0]);
  });

  it('is read again if only the first read failed', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'getConnection', behaviour: 'reset' });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });
});

describe('the connection in the success of a delete', () => {
  it('is as last read, but in state DELETED, without another call to DLI', async () => {
    const gateway = await startGateway({ emulator: { tombstoneMs: 0 } });
    const id = seed(gateway.emulator, { name: 'orders', queues: ['q1'] });
    const before = await connectionOf(gateway, id);
    expect(before).toMatchObject({ name: 'orders', state: 'ACTIVE', progress: 1, queues: [{ name: 'q1' }] });
    gateway.emulator.ledger.clear();
    expect(await deleted(gateway, id)).toEqual({
      connectionId: id,
      connection: { ...before, state: 'DELETED', stateText: 'DELETED' },
    });
    expect(calls(gateway)).toEqual(['GET', 'DELETE']);
  });

  it('has the id of its reads if the delete names it in capital letters', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    // The emulator finds an id in capital letters only in its list.
    gateway.emulator.inject({ operation: 'deleteConnection', body: { is_success: true } });
    expect(await deleted(gateway, id.toUpperCase())).toMatchObject({ connection: { id, state: 'DELETED' } });
  });

  it('does not show why the creation failed, as reads of a deleted connection do not', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator, { state: 'FAILED', message: 'No route.' });
    expect(await deleted(gateway, id)).toMatchObject({ connection: { state: 'DELETED', failureReason: null } });
  });

  it('is present even if the answer to the delete was lost', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator, { name: 'orders' });
    gateway.emulator.inject({ operation: 'deleteConnection', behaviour: 'reset', apply: true });
    expect(await deleted(gateway, id)).toMatchObject({ connection: { id, name: 'orders', state: 'DELETED' } });
  });

  it('is present in a repeat as long as DLI shows the deleted connection, and then null', async () => {
    const gateway = await startGateway({ emulator: { notFoundError: 'DLI.0002' } });
    const id = seed(gateway.emulator, { name: 'orders' });
    const first = await deleted(gateway, id);
    expect(await deleted(gateway, id)).toEqual(first);
    gateway.emulator.reset();
    expect(await deleted(gateway, id)).toEqual({ connectionId: id, connection: null });
  });

  it('is null if the caller may not read', async () => {
    const gateway = await startTokenGateway();
    const [mayDelete, mayBoth] = await Promise.all(
      ['dli:connection:delete', 'dli:connection:read dli:connection:delete'].map(scope =>
        gateway.sign({ claims: { scope } }),
      ),
    );
    const id = seed(gateway.emulator);
    expect(await deleted(gateway, id, bearer(mayDelete))).toEqual({ connectionId: id, connection: null });
    expect(await deleted(gateway, id, bearer(mayBoth))).toMatchObject({ connection: { id, state: 'DELETED' } });
  });
});
