import { describe, expect, it } from '@jest/globals';
import { AccessKeyCheck } from '../../src/emulator/authentication.js';
import type { EmulatorOptions } from '../../src/emulator/options.js';
import { resolveOptions } from '../../src/emulator/options.js';
import type { ReceivedRequest } from '../../src/emulator/server.js';
import { canonicalRequests } from '../../src/emulator/signature.js';
import type { SigningVector } from '../helpers/signing-vectors.js';
import { SIGNING_VECTORS } from '../helpers/signing-vectors.js';

const cases = SIGNING_VECTORS.map(vector => [vector.id, vector] as const);

const MINUTE_MS = 60_000;

function requestOf({ input, expected }: SigningVector): ReceivedRequest {
  const url = new URL(input.url);
  const headers = Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method: input.method,
    path: url.pathname,
    query: url.search.slice(1),
    headers: new Map([...headers, ['authorization', expected.authorization]]),
    body: Buffer.from(input.body),
  };
}

function signedAtMs({ input }: SigningVector): number {
  const [, date, time] = /^(\d{8})T(\d{6})Z$/.exec(input.headers['X-Sdk-Date'] ?? '') ?? [];
  const iso = `${date?.replace(/(..)(..)$/, '-$1-$2')}T${time?.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`;
  return Date.parse(iso);
}

function refusalOf(
  vector: SigningVector,
  changes: Partial<ReceivedRequest> = {},
  options: Partial<EmulatorOptions> = {},
) {
  const securityToken = vector.input.headers['X-Security-Token'];
  const key = { accessKey: vector.input.ak, secretKey: vector.input.sk };
  const check = new AccessKeyCheck(
    resolveOptions({
      accessKeys: [securityToken === undefined ? key : { ...key, securityToken }],
      now: () => signedAtMs(vector),
      ...options,
    }),
  );
  return check.refusalOf({ ...requestOf(vector), ...changes });
}

function withHeader(vector: SigningVector, name: string, value: string): Partial<ReceivedRequest> {
  return { headers: new Map([...requestOf(vector).headers, [name, value]]) };
}

describe.each(cases)('the signature of vector %s', (_id, vector) => {
  const request = requestOf(vector);

  it('has the published canonical request', () => {
    const signedHeaders = vector.canonical.signedHeaders.split(';');
    expect(canonicalRequests(request, signedHeaders)).toEqual([vector.canonical.canonicalRequest]);
  });

  it('is accepted on its date', () => {
    expect(refusalOf(vector)).toBeUndefined();
  });

  it('is accepted with another order and escaping of the query', () => {
    const query = request.query.split('&').reverse().join('&').replaceAll('-', '%2d');
    expect(refusalOf(vector, { query })).toBeUndefined();
  });

  it.each<[part: string, changes: Partial<ReceivedRequest>]>([
    ['method', { method: 'PUT' }],
    ['path', { path: request.path.replace(/.$/, '_') }],
    ['query', { query: `${request.query}&a=b` }],
    ['body', { body: Buffer.concat([request.body, Buffer.from(' ')]) }],
    ['host', withHeader(vector, 'host', 'dli.cn-north-5.myhuaweicloud.com')],
    ['content type', withHeader(vector, 'content-type', 'application/jsoN')],
    ['signature', withHeader(vector, 'authorization', flipLastDigit(vector.expected.authorization))],
    ['signed date', withHeader(vector, 'x-sdk-date', nextSecond(vector.input.headers['X-Sdk-Date'] ?? ''))],
  ])('is refused if the %s changes', (_part, changes) => {
    expect(refusalOf(vector, changes)).toBe('verify aksk signature fail');
  });

  it('is refused if it was made with another secret key', () => {
    const sent = vector.input.headers['X-Security-Token'];
    const key = { accessKey: vector.input.ak, secretKey: `${vector.input.sk}x` };
    const accessKeys = [sent === undefined ? key : { ...key, securityToken: sent }];
    expect(refusalOf(vector, {}, { accessKeys })).toBe('verify aksk signature fail');
  });

  it.each([
    [15 * MINUTE_MS, undefined],
    [-15 * MINUTE_MS, undefined],
    [15 * MINUTE_MS + 1, 'calc ak sk signature fail:signature expired'],
    [-15 * MINUTE_MS - 1, 'calc ak sk signature fail:signature expired'],
  ])('with a clock skew of %i ms leads to %s', (differenceMs, refusal) => {
    expect(refusalOf(vector, {}, { now: () => signedAtMs(vector) + differenceMs })).toBe(refusal);
  });
});

describe('an access key', () => {
  const [vector] = SIGNING_VECTORS;
  if (vector === undefined) throw new Error('There are no vectors.');

  it('that is unknown is named in the refusal', () => {
    expect(refusalOf(vector, {}, { accessKeys: [] })).toBe(
      'Get secretKey failed,ak:TESTAKTESTAKTESTAK01,err:ak not exist',
    );
  });

  it('is refused if the date is not among the signed headers', () => {
    const authorization = vector.expected.authorization.replace(';x-sdk-date', '');
    expect(refusalOf(vector, withHeader(vector, 'authorization', authorization))).toBe('verify aksk signature fail');
  });

  it.each(['SDK-HMAC-SHA256', 'SDK-HMAC-SHA256 Access=a', 'SDK-HMAC-SHA256 Access=a, SignedHeaders=b, Signature=c'])(
    'is refused with the malformed header %s',
    authorization => {
      expect(refusalOf(vector, withHeader(vector, 'authorization', authorization))).toBe('verify aksk signature fail');
    },
  );

  it('is locked for five minutes after the configured number of consecutive failures', () => {
    const key = { accessKey: vector.input.ak, secretKey: vector.input.sk };
    let nowMs = signedAtMs(vector) - 5 * MINUTE_MS;
    const check = new AccessKeyCheck(resolveOptions({ accessKeys: [key], lockAfterFailures: 2, now: () => nowMs }));
    const right = requestOf(vector);
    const wrong = { ...right, method: 'PUT' };
    const locked = 'AK access failed to reach the limit,forbidden';
    const failed = 'verify aksk signature fail';
    expect([wrong, right, wrong, wrong, right].map(request => check.refusalOf(request))).toEqual([
      failed,
      undefined,
      failed,
      failed,
      locked,
    ]);
    nowMs += 5 * MINUTE_MS;
    expect(check.refusalOf(right)).toBeUndefined();
  });
});

function flipLastDigit(text: string): string {
  return `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
}

function nextSecond(sdkDate: string): string {
  return sdkDate.replace(/(\d)Z$/, (_, digit: string) => `${(Number(digit) + 1) % 10}Z`);
}
