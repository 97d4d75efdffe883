import { afterEach, describe, expect, it } from '@jest/globals';
import { bearer, startTokenGateway } from '../auth/helpers/token-gateway.js';
import { CONNECTION_FIELDS, connectionOf } from '../connection-reads/helpers/read-connections.js';
import { seed } from '../helpers/deletion.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

afterEach(closeGateways);

const DELETE = `mutation ($id: ID!) { deleteDatasourceConnection(input: {id: $id}) {
  ... on DeleteDatasourceConnectionSuccess { connectionId connection { ${CONNECTION_FIELDS} } }
  ... on UserError { code }
} }`;

async function deleted({ send }: Pick<TestGateway, 'send'>, id: string, headers?: Record<string, string>) {
  const { body } = await send({ query: DELETE, variables: { id } }, headers);
  return body.data?.['deleteDatasourceConnection'];
}

const calls = ({ emulator }: TestGateway) => emulator.ledger.entries().map(({ method }) => method);

describe('the connection in the success of a delete', () => {
  it('is as it was read before, in state DELETED, without another call to DLI', async () => {
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
    const gateway = await startGateway();
    const id = seed(gateway.emulator);
    // The emulator finds an id in capital letters in its list only.
    gateway.emulator.inject({ operation: 'deleteConnection', body: { is_success: true } });
    expect(await deleted(gateway, id.toUpperCase())).toMatchObject({ connection: { id, state: 'DELETED' } });
  });

  it('does not show why the creation failed, as reads of a deleted connection do not', async () => {
    const gateway = await startGateway();
    const id = seed(gateway.emulator, { state: 'FAILED', message: 'No route.' });
    expect(await deleted(gateway, id)).toMatchObject({ connection: { state: 'DELETED', failureReason: null } });
  });

  it('is there if the answer to the delete was lost', async () => {
    const gateway = await startGateway();
    const id = seed(gateway.emulator, { name: 'orders' });
    gateway.emulator.inject({ operation: 'deleteConnection', behaviour: 'reset', apply: true });
    expect(await deleted(gateway, id)).toMatchObject({ connection: { id, name: 'orders', state: 'DELETED' } });
  });

  it('is there in a repeat as long as DLI shows the deleted connection, and then null', async () => {
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
