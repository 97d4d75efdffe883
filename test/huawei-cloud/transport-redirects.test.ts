import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { listen } from '../helpers/listening-server.js';
import { callsExceptListReads } from '../helpers/upstream-calls.js';

afterEach(closeGateways);

const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const STATUSES = [301, 302, 303, 307, 308];

/** A second host that accepts every request. */
async function startOtherHost() {
  const body = '{"is_success":true,"connection_id":"68233202-63bf-4f27-a99b-fa5f5a2dbae1"}';
  return listen(createServer((_request, response) => response.writeHead(201).end(body)));
}

describe('a redirect of a create', () => {
  it.each(STATUSES)('with %i is not followed, and the outcome is unknown', async status => {
    const other = await startOtherHost();
    const { emulator, create } = await startGateway();
    emulator.inject({ operation: 'createConnection', status, redirectTo: `http://${other.host}/` });
    expect(await create()).toMatchObject(UNKNOWN);
    expect(other.connections()).toHaveLength(0);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each(STATUSES)('with %i does not send the IAM token to another host', async status => {
    const other = await startOtherHost();
    const { emulator, create } = await startGateway({ env: IAM_USER });
    emulator.inject({ operation: 'createConnection', status, redirectTo: `http://${other.host}/` });
    expect(await create()).toMatchObject(UNKNOWN);
    expect(other.connections()).toHaveLength(0);
    expect(callsExceptListReads(emulator)).toEqual(['issueToken', 'createConnection']);
  });

  it.each([
    ['to itself', { redirectTo: '/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection' }],
    ['without an address', {}],
    ['to an invalid address', { redirectTo: 'http://' }],
    ['with a success in its body', { body: { connection_id: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' } }],
    ['with a refusal in its body', { body: { error_code: 'DLI.0001' } }],
  ])('%s is not followed', async (_where, fault) => {
    const { emulator, create } = await startGateway();
    emulator.inject({ operation: 'createConnection', times: 0, status: 307, ...fault });
    expect(await create()).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });

  it.each([300, 304, 399])('with the unusual status %i leads to an unknown outcome', async status => {
    const { emulator, create } = await startGateway();
    emulator.inject({ operation: 'createConnection', times: 0, status });
    expect(await create()).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(emulator)).toEqual(['createConnection']);
  });
});

describe('a redirect of the request for a token', () => {
  it.each(STATUSES)('with %i does not send the password to another host', async status => {
    const other = await startOtherHost();
    const { emulator, create } = await startGateway({ env: IAM_USER });
    emulator.inject({ operation: 'issueToken', status, redirectTo: `http://${other.host}/` });
    expect(await create()).toMatchObject({ __typename: 'DliUnavailableError' });
    expect(other.connections()).toHaveLength(0);
    expect(emulator.ledger.entries().map(entry => entry.operation)).toEqual(['issueToken']);
  });
});
