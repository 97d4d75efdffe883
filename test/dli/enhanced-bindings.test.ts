import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/dli/connection.js';
import { UnknownOutcomeError } from '../../src/dli/dli-error.js';
import { closedPort } from '../helpers/listening-server.js';
import type { Answer } from './helpers/dli-clients.js';
import { ENHANCED, errorOf, NOT_OFFERED, startClients } from './helpers/dli-clients.js';

const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';
const POOL: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' };
const QUEUE: Resource = { kind: 'QUEUE', name: 'q1' };

const codeOf = (code: string, status = 400): Answer => ({ status, body: { error_code: code, error_msg: 'no' } });

/** Binds a pool against these answers, in order; the last one is repeated. */
async function bind(answers: readonly Answer[]) {
  const clients = await startClients((_request, index) => answers[index] ?? answers.at(-1) ?? {});
  const { bindings, context, received, logged } = clients;
  const result = bindings.changeBinding('bind', ID, POOL, context());
  return { result, received, logged };
}

describe('a change of a binding', () => {
  it.each([
    ['bind', POOL, 'associate-queue', { elastic_resource_pools: ['pool_a'] }],
    ['bind', QUEUE, 'associate-queue', { queues: ['q1'] }],
    ['unbind', POOL, 'disassociate-queue', { elastic_resource_pools: ['pool_a'] }],
    ['unbind', QUEUE, 'disassociate-queue', { queues: ['q1'] }],
  ] as const)('is one request with one name: %s %j', async (action, resource, path, body) => {
    const { bindings, context, received } = await startClients(() => ({
      body: { is_success: true, message: 'associated peer connection for queues: {q1}.' },
    }));
    expect(await bindings.changeBinding(action, ID, resource, context())).toEqual({ kind: 'done' });
    expect(received).toEqual([
      { method: 'POST', path: `${ENHANCED}/${ID}/${path}`, query: '', body: JSON.stringify(body) },
    ]);
  });

  it.each<[what: string, answer: Answer]>([
    ['as documented', { body: { is_success: true, message: '' } }],
    ['without is_success', { body: { message: 'x' } }],
    ['as an empty object', { body: {} }],
    ['with status 201', { status: 201, body: { is_success: true } }],
  ])('is done when DLI responds %s', async (_what, answer) => {
    const { result, received } = await bind([answer]);
    expect(await result).toMatchObject({ kind: 'done' });
    expect(received).toHaveLength(1);
  });

  it('is unsuccessful when DLI says so, which is logged', async () => {
    const { result, logged } = await bind([{ body: { is_success: false, message: 'boom' } }]);
    expect(await result).toMatchObject({ kind: 'unsuccessful', upstreamMessage: 'boom' });
    expect(logged).toMatchObject([{ operation: 'associateQueue', outcome: 'unsuccessful', upstreamMessage: 'boom' }]);
  });

  it.each<[what: string, reason: string, answer: Answer]>([
    ['the connection is lost', 'CONNECTION_LOST', { isLost: true }],
    ['DLI responds 500', 'UPSTREAM_ERROR', { status: 500 }],
    ['DLI responds 408', 'UPSTREAM_ERROR', { status: 408 }],
    ['DLI responds 404 without a code', 'UPSTREAM_ERROR', { status: 404 }],
    ['DLI responds a server error', 'UPSTREAM_ERROR', codeOf('DLI.0999')],
    ['DLI responds another server error', 'UPSTREAM_ERROR', codeOf('DLI.10001')],
    ['DLI responds an unlisted code', 'UPSTREAM_ERROR', codeOf('DLI.22102')],
    ['DLI responds 204', 'UNREADABLE_RESPONSE', { status: 204 }],
    ['DLI responds HTML', 'UNREADABLE_RESPONSE', { body: '<html>' }],
    ['DLI responds a list', 'UNREADABLE_RESPONSE', { body: [] }],
    ['DLI responds both success and error', 'UNREADABLE_RESPONSE', { body: { error_code: 'DLI.0001' } }],
    ['DLI redirects', 'UNEXPECTED_REDIRECT', { status: 302 }],
  ])('has an unknown outcome, and is not repeated, when %s', async (_what, reason, answer) => {
    const { result, received, logged } = await bind([answer]);
    const error = await errorOf(result);
    expect(error).toBeInstanceOf(UnknownOutcomeError);
    expect(error).toMatchObject({ reason });
    expect(received).toHaveLength(1);
    expect(logged).toMatchObject([{ operation: 'associateQueue', outcome: 'OUTCOME_UNKNOWN' }]);
  });

  it.each<[upstreamCode: string, answer: Answer, code: string]>([
    ['DLI.0001', codeOf('DLI.0001'), 'REJECTED'],
    ['DLI.0002', codeOf('DLI.0002'), 'REJECTED'],
    ['DLI.0006', codeOf('DLI.0006'), 'REJECTED'],
    ['DLI.0007', codeOf('DLI.0007'), 'REJECTED'],
    ['DLI.0012', codeOf('DLI.0012'), 'REJECTED'],
    ['DLI.1028', codeOf('DLI.1028'), 'REJECTED'],
    ['APIGW.0101', NOT_OFFERED, 'REJECTED'],
    ['APIGW.0308', codeOf('APIGW.0308', 429), 'THROTTLED'],
    ['APIGW.0302', codeOf('APIGW.0302', 403), 'AUTH_FAILED'],
  ])('was not done after %s', async (upstreamCode, answer, code) => {
    const { result, received } = await bind([answer]);
    expect(await errorOf(result)).toMatchObject({ name: 'DliError', code, upstreamCode, isUnconfirmed: false });
    expect(received).toHaveLength(1);
  });

  it('was not done after a list of one error', async () => {
    const { result } = await bind([{ status: 400, body: [{ error_code: 'DLI.0007', error_msg: 'no' }] }]);
    expect(await errorOf(result)).toMatchObject({ code: 'REJECTED', upstreamCode: 'DLI.0007' });
  });

  it.each<[what: string, answer: Answer]>([
    ['401 without a code', { status: 401 }],
    ['403 without a code', { status: 403 }],
    ['403 and an unlisted code', codeOf('APIGW.0404', 403)],
  ])('may have been done after %s, and is not repeated', async (_what, answer) => {
    const { result, received } = await bind([answer]);
    expect(await errorOf(result)).toMatchObject({ code: 'AUTH_FAILED', isUnconfirmed: true });
    expect(received).toHaveLength(1);
  });

  it('is sent again when DLI is proven not to have executed it', async () => {
    const { result, received } = await bind([codeOf('APIGW.0613', 503), { body: { is_success: true } }]);
    expect(await result).toMatchObject({ kind: 'done' });
    expect(received).toHaveLength(2);
    expect(received[1]).toEqual(received[0]);
  });

  it('was not done when DLI could not be reached', async () => {
    const port = await closedPort();
    const { bindings, context, logged } = await startClients(() => ({}), undefined, `http://127.0.0.1:${port}`);
    expect(await errorOf(bindings.changeBinding('unbind', ID, QUEUE, context()))).toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(logged).toMatchObject([
      { operation: 'disassociateQueue', outcome: 'UNAVAILABLE', errorType: 'UNREACHABLE', mayHaveBeenSent: false },
      { operation: 'disassociateQueue', outcome: 'UNAVAILABLE', errorType: 'UNREACHABLE', mayHaveBeenSent: false },
    ]);
  });
});
