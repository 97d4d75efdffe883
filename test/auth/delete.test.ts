import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, NO_ID, remove, seed, sendDelete } from '../helpers/deletion.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { bearer, codeIn, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';

const shared = shareTokenGateway();

describe('the delete scope', () => {
  it('is required to delete', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    const scope = 'dli:connection:read dli:connection:create';
    const { status, body } = await sendDelete(gateway, id, bearer(await gateway.sign({ claims: { scope } })));

    expect([status, body.data, body.errors?.[0]?.extensions.code]).toEqual([200, null, 'FORBIDDEN']);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('neither requires nor grants other roles', async () => {
    const gateway = await startTokenGateway({ OIDC_SCOPE_DELETE: 'erase' });
    const id = seed(gateway.emulator);
    const token = await gateway.sign({ claims: { scope: 'erase' } });

    expect(await remove(gateway, id, bearer(token))).toMatchObject({ __typename: DELETED });
    expect(codeIn(await gateway.createAs(token))).toBe('FORBIDDEN');
  });
});

describe('the success of a delete', () => {
  it('is repeated for the same tenant only', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    const alice = bearer(await gateway.sign());
    const bob = bearer(await gateway.sign({ claims: { sub: 'bob' } }));
    await remove(gateway, id, alice);

    expect(await remove(gateway, id, bob)).toMatchObject({ __typename: 'ConnectionNotFoundError' });
    expect(await remove(gateway, id, alice)).toMatchObject({ __typename: DELETED });
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('is returned to all tenants that delete concurrently', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    const gateway = await startTokenGateway({ DLI_ENDPOINT: url, HUAWEICLOUD_SDK_IAM_ENDPOINT: url });
    const id = seed(emulator);
    const subjects = ['alice', 'bob', 'carol'];
    const tokens = await Promise.all(subjects.map(sub => gateway.sign({ claims: { sub } })));
    const payloads = tokens.map(token => remove(gateway, id, bearer(token)));
    // None of them deletes before all have seen the connection.
    await emulator.ledger.waitFor('getConnection', 3);
    release();

    expect(await Promise.all(payloads)).toEqual(Array(3).fill({ __typename: DELETED, connectionId: id }));
    expect(exists(emulator, id)).toBe(false);
  });
});

describe('the create limit of a tenant', () => {
  it('counts deletes too', async () => {
    const gateway = await startTokenGateway({
      RATE_LIMIT_CREATES_PER_SECOND: '1',
      RATE_LIMIT_CREATES_BURST: '30',
    });
    const token = await gateway.sign();
    const ends = Array.from({ length: 30 }, () => remove(gateway, NO_ID, bearer(token)));
    const received = (await Promise.all(ends)).map(({ __typename }) => __typename);
    expect(received).toEqual(Array(30).fill('ConnectionNotFoundError'));
    const id = seed(gateway.emulator);
    const { status, headers, body } = await sendDelete(gateway, id, bearer(token));

    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(body.errors?.[0]?.message).toBe(
      'You create, change or delete too many connections at a time. Nothing was done; wait, then repeat the request.',
    );
    expect(codeIn(await gateway.createAs(token))).toBe('RATE_LIMITED');
    expect(exists(gateway.emulator, id)).toBe(true);
  });
});

describe('the audit log', () => {
  it('records the caller, the connection and the outcome of a delete', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    const alice = bearer(await gateway.sign());
    await remove(gateway, id, alice);
    await remove(gateway, NO_ID, alice);
    await remove(gateway, 'no id', alice);
    const fingerprint = createHash('sha256').update(JSON.stringify({ id })).digest('hex');
    const line = { tenant: 'alice', subject: 'alice', operation: 'deleteDatasourceConnection' };
    const audit = gateway.audit();

    expect(audit).toMatchObject([
      { ...line, inputFingerprint: fingerprint, outcome: DELETED, connectionId: id },
      { ...line, outcome: 'ConnectionNotFoundError', code: 'CONNECTION_NOT_FOUND' },
      { ...line, outcome: 'InvalidInputError', code: 'BAD_USER_INPUT' },
    ]);
    expect(JSON.stringify(audit.slice(1))).not.toContain(NO_ID);
  });
});
