import { describe, expect, it } from '@jest/globals';
import { remove } from '../helpers/deletion.js';
import { enhancedCalls, POOL_A } from '../helpers/enhanced-gateway.js';
import { VALID_INPUT } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { linesWith } from '../helpers/log-lines.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';
import { destroyConnection } from '../helpers/token-issuer.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const IDS = {
  level: 30,
  time: expect.any(Number),
  traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
  spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  msg: 'upstream',
};

/** The number of lines by operation. */
function countsOf(operations: unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const operation of operations) counts[String(operation)] = (counts[String(operation)] ?? 0) + 1;
  return counts;
}

function upstreamLines({ log }: TokenGateway, fields: Record<string, unknown> = {}): Record<string, unknown>[] {
  return linesWith(log(), 'upstream', fields);
}

describe('the log has one line for each call', () => {
  it('to DLI and IAM, no matter what it is for', async () => {
    const gateway = await startTokenGateway({
      ...IAM_USER,
      HUAWEICLOUD_SDK_PROJECT_ID: undefined,
      READ_FRESHNESS_MS: '0',
    });
    const headers = bearer(await gateway.sign());
    const send = (body: unknown) => gateway.send(body, headers);
    const { createEnhanced, bind, unbind, read } = enhancedCalls({ send });
    const { connectionId = '' } = await createEnhanced({ resources: [POOL_A] });
    await read(connectionId);
    await unbind(connectionId, POOL_A);
    await bind(connectionId, POOL_A);
    await send({
      query: '{ datasourceConnections { items { id ... on EnhancedDatasourceConnection { tags { key } } } } }',
    });
    await gateway.createAs(await gateway.sign());
    await remove({ send }, connectionId);
    // The caller is answered before the last line of a shared read is written.
    await gateway.close();

    const expected = countsOf(gateway.emulator.ledger.entries().map(({ operation }) => operation));
    expect(countsOf(upstreamLines(gateway).map(({ operation }) => operation))).toMatchObject(expected);
    expect(upstreamLines(gateway).filter(({ target }) => target !== 'issuer')).toHaveLength(
      gateway.emulator.ledger.entries().length,
    );
    expect(Object.keys(expected)).toEqual(
      expect.arrayContaining(['issueToken', 'createConnection', 'createEnhancedConnection', 'associateQueue']),
    );
  });

  it('to IAM for the project of an access key', async () => {
    const gateway = await startTokenGateway({ HUAWEICLOUD_SDK_PROJECT_ID: undefined });
    const { headers } = await gateway.createAs(await gateway.sign());
    expect(upstreamLines(gateway, { target: 'iam' })).toEqual([
      {
        ...IDS,
        requestId: expect.any(String),
        traceId: headers.get('x-request-id'),
        target: 'iam',
        operation: 'listProjects',
        outcome: 'OK',
        status: 200,
        durationMs: expect.any(Number),
        mayHaveBeenSent: true,
      },
    ]);
  });

  it('to the issuer, in its own trace, and says what went wrong', async () => {
    const gateway = await startTokenGateway();
    gateway.issuer.instead = destroyConnection;
    await gateway.ask(await gateway.sign());
    gateway.issuer.instead = undefined;
    gateway.clock.advance(2_000);
    await gateway.ask(await gateway.sign());
    const sent = { ...IDS, target: 'issuer', durationMs: expect.any(Number), mayHaveBeenSent: true };
    const lost = { outcome: 'UNAVAILABLE', errorType: 'CONNECTION_LOST', causeCode: expect.any(String) };
    expect(upstreamLines(gateway)).toEqual([
      { ...sent, level: 40, operation: 'discoverIssuer', ...lost },
      { ...sent, operation: 'discoverIssuer', outcome: 'OK', status: 200 },
      { ...sent, operation: 'fetchKeys', outcome: 'OK', status: 200 },
    ]);
  });
});

describe('the log line of a call', () => {
  it('to IAM that is slow says how long the sign-in took, and so does the failed operation', async () => {
    const gateway = await startTokenGateway(IAM_USER);
    const slowMs = 300;
    gateway.emulator.inject({ operation: 'issueToken', status: 403, delayMs: slowMs });
    await gateway.createAs(await gateway.sign());
    const [call] = upstreamLines(gateway, { target: 'iam' });
    const [failed] = linesWith(gateway.log(), 'no authentication for DLI');
    expect(call).toMatchObject({ level: 40, operation: 'issueToken', outcome: 'REFUSED', status: 403 });
    expect(failed).toMatchObject({ outcome: 'AUTH_FAILED', requestId: call?.['requestId'] });
    for (const line of [call, failed]) expect(line?.['durationMs']).toBeGreaterThanOrEqual(slowMs - 5);
  });

  it("of a create, with DLI's request id, is found by the trace id of the response", async () => {
    const gateway = await startTokenGateway();
    const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
    gateway.emulator.inject({ operation: 'createConnection', error: 'DLI.1028' });
    const query =
      'mutation ($input: CreateDatasourceConnectionInput!) { createDatasourceConnection(input: $input) { ... on DliRejectedError { requestId } } }';
    const headers = { ...bearer(await gateway.sign()), traceparent };
    const { body } = await gateway.send({ query, variables: { input: VALID_INPUT } }, headers);
    const payload = body.data?.['createDatasourceConnection'] as { requestId: string } | undefined;
    const requestId = payload?.requestId ?? 'none';
    const found = gateway
      .log()
      .split('\n')
      .filter(line => line.includes(TRACE_ID) && line.includes(requestId));
    expect(found.map(line => JSON.parse(line))).toEqual([
      expect.objectContaining({ msg: 'upstream', operation: 'createConnection', upstreamRequestId: requestId }),
      expect.objectContaining({ msg: 'audit', upstreamRequestId: requestId }),
    ]);
  });
});
