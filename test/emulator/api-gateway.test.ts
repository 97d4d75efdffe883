import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT_ID } from '../../src/emulator/emulator.js';
import { CONNECTIONS_PATH, ENHANCED_PATH, shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

describe('the emulated API gateway', () => {
  it('sends its request id in a header and in the body of errors, and the date of its clock', async () => {
    const { send } = await startEmulator({ now: () => 0 });
    const { status, headers, json } = await send('GET', CONNECTIONS_PATH);
    const requestId = headers.get('x-request-id');
    expect(requestId).toMatch(/^[0-9a-f]{32}$/);
    expect(headers.get('date')).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
    expect({ status, json }).toEqual({
      status: 401,
      json: {
        error_msg: 'Incorrect IAM authentication information: x-auth-token not found',
        error_code: 'APIGW.0301',
        request_id: requestId,
      },
    });
  });

  it('refuses the derived signature algorithm, naming it', async () => {
    const { send } = shared();
    const authorization = 'V11-HMAC-SHA256 Credential=AK/20240115/region/dli, SignedHeaders=host, Signature=0';
    expect(await send('GET', CONNECTIONS_PATH, undefined, { authorization })).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0301', error_msg: expect.stringContaining('V11-HMAC-SHA256') },
    });
  });

  it.each([
    ['GET', '/'],
    ['GET', '/v2.0'],
    ['PUT', CONNECTIONS_PATH],
    ['PATCH', `${CONNECTIONS_PATH}/id`],
    ['POST', `${CONNECTIONS_PATH}/id`],
    ['GET', `${CONNECTIONS_PATH}/id/more`],
    ['GET', `${CONNECTIONS_PATH}//`],
    ['GET', `${CONNECTIONS_PATH}/%zz`],
    ['GET', `/v1.0${CONNECTIONS_PATH.slice(5)}`],
    ['PUT', ENHANCED_PATH],
    ['POST', `${ENHANCED_PATH}/id`],
    ['GET', `${ENHANCED_PATH}/id/associate-queue`],
    ['GET', `${ENHANCED_PATH}//privileges`],
    ['GET', `/v3${ENHANCED_PATH.slice(5)}`],
    ['GET', '/v3//elastic-resource-pools'],
    ['POST', '/v1.0/project/queues'],
    ['GET', '/v3/regions'],
    ['GET', '/v3/auth/tokens'],
  ])('has no route for %s %s', async (method, path) => {
    const { call } = shared();
    expect(await call(method, path)).toMatchObject({ status: 404, json: { error_code: 'APIGW.0101' } });
  });

  it.each([
    ['GET', `/v3/${DEFAULT_PROJECT_ID}/elastic-resource-pools`],
    ['GET', `/v1.0/${DEFAULT_PROJECT_ID}/queues/`],
    ['GET', ENHANCED_PATH],
  ])('requires credentials, and those of the project, for %s %s', async (method, path) => {
    const { call, send } = shared();
    expect(await send(method, path)).toMatchObject({ status: 401, json: { error_code: 'APIGW.0301' } });
    expect(await call(method, path)).toMatchObject({ status: 200 });
    expect(await call(method, path.replace(DEFAULT_PROJECT_ID, 'other'))).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.10006' },
    });
  });

  it('refuses a body over 12 MB with 413', async () => {
    const { baseUrl } = shared();
    const sent = request(`${baseUrl}${CONNECTIONS_PATH}`, { method: 'POST' });
    sent.end(Buffer.alloc(12 * 1_024 * 1_024 + 1, ' '));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(await json(response)).toMatchObject({
      error_code: 'APIGW.0201',
      error_msg: 'Request entity too large.',
    });
  });

  it('refuses a target over 32 KB with 414', async () => {
    const { call } = shared();
    expect(await call('GET', `${CONNECTIONS_PATH}?tags=${'x'.repeat(32 * 1_024)}`)).toMatchObject({
      status: 414,
      json: { error_code: 'APIGW.0201' },
    });
  });

  it.each([
    ['one header over 32 KB', 1, 33],
    ['headers over 128 KB in total', 5, 30],
    ['headers over the limit of the server', 20, 31],
  ])('refuses %s with 494', async (_what, count, kilobytes) => {
    const { send } = shared();
    const value = 'x'.repeat(kilobytes * 1_024);
    const headers = Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-filler-${index}`, value]));
    expect(await send('GET', CONNECTIONS_PATH, undefined, headers)).toMatchObject({
      status: 494,
      json: { error_code: 'APIGW.0201' },
    });
  });
});
