import { describe, expect, it } from '@jest/globals';
import { exchange } from '../helpers/raw-connection.js';
import { logOfTest, shareGateway } from '../helpers/shared-gateway.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const FRESH_ID = /^[0-9a-f]{32}$/;

const shared = shareGateway();
const log = logOfTest(shared);

function loggedIds(): unknown[] {
  return log()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
    .flatMap(({ traceId }) => (traceId === undefined ? [] : [traceId]));
}

describe('the trace id of a request', () => {
  it('comes from a valid traceparent, in the response and in the log', async () => {
    const { headers } = await shared().send(
      { query: '{ __typename }' },
      { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` },
    );

    expect(headers.get('x-request-id')).toBe(TRACE_ID);
    expect(loggedIds()).toEqual([TRACE_ID]);
  });

  it('is in the log of a create and in its request to DLI', async () => {
    await shared().create();

    expect(new Set(loggedIds()).size).toBe(1);
    expect(log()).toContain('"operation":"createConnection"');
  });

  it.each([
    ['of another version', `01-${TRACE_ID}-${SPAN_ID}-01`],
    ['in capitals', `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ['of zeros', `00-${'0'.repeat(32)}-${SPAN_ID}-01`],
    ['with a span of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['that is too short', `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
    ['with additional text', `00-${TRACE_ID}-${SPAN_ID}-01-x`],
    ['of garbage', '"\\u0007 level=fatal {{'],
    ['of 1,000 characters', `00-${'a'.repeat(1_000)}`],
    ['given twice', `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`],
  ])('is generated for a traceparent %s, which is not repeated', async (_what, traceparent) => {
    const { headers, body } = await shared().send({ query: '{ unknown }' }, { traceparent });
    const id = headers.get('x-request-id');

    expect(id).toMatch(FRESH_ID);
    expect(loggedIds()).toEqual([id]);
    const shown = JSON.stringify([body, [...headers]]) + log();
    expect(shown).not.toContain(traceparent);
    expect(shown).not.toContain(TRACE_ID);
  });

  it.each([
    ['to a valid query', '/graphql', { method: 'POST', body: '{"query":"{ __typename }"}' }],
    ['to a refused document', '/graphql', { method: 'POST', body: '{"query":"{"}' }],
    ['to invalid JSON', '/graphql', { method: 'POST', body: '{' }],
    ['to another method', '/graphql', { method: 'DELETE' }],
    ['to another path', '/nowhere', { method: 'GET' }],
    ['to a path that cannot be decoded', '/%zz', { method: 'GET' }],
  ])('is in the headers of the response %s, with no-store and nosniff', async (_what, path, init) => {
    const { headers } = await fetch(new URL(path, shared().graphqlUrl), {
      ...init,
      headers: { 'content-type': 'application/json' },
      ...(init.method === 'DELETE' && { headers: {} }),
    });

    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': expect.stringMatching(FRESH_ID),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('is in the response to malformed HTTP, and in the log', async () => {
    const answer = await exchange(shared().graphqlUrl, 'no http\r\n\r\n');
    const id = /^x-request-id: (.*)$/m.exec(answer)?.[1]?.trim();

    expect(id).toMatch(FRESH_ID);
    expect(answer).toContain(`"traceId":"${id}"`);
    expect(loggedIds()).toEqual([id]);
  });
});
