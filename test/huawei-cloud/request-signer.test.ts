import { describe, expect, it } from '@jest/globals';
import { sdkDate, signRequest } from '../../src/huawei-cloud/access-key-authenticator.js';
import { SIGNING_VECTORS } from '../helpers/signing-vectors.js';

const DATED = {
  method: 'GET',
  url: new URL('https://dli.cn-north-4.myhuaweicloud.com/v2.0'),
  headers: { host: 'dli.cn-north-4.myhuaweicloud.com', 'x-sdk-date': '20240115T083000Z' },
  body: '',
};
const KEY = { accessKey: 'TESTAKTESTAKTESTAK01', secretKey: 'TestSkTestSkTestSkTestSkTestSkTestSkTest01' };

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

describe('a signature', () => {
  it('is verified with all eight vectors of the official client and the signing guide', () => {
    expect(SIGNING_VECTORS.map(vector => vector.id)).toEqual([
      'create-seed-example',
      'list',
      'get-one',
      'create-temporary-credentials',
      'create-with-tags',
      'list-explicit-port-host',
      'iam-project-lookup',
      'signing-guide-published-example',
    ]);
  });

  it.each(SIGNING_VECTORS.map(vector => [vector.id, vector] as const))(
    'of vector %s is the one of the official client',
    (_id, { input, expected }) => {
      const { method, url, headers, body, ak, sk } = input;
      const request = { method, url: new URL(url), headers: lowerCased(headers), body };
      expect(signRequest(request, { accessKey: ak, secretKey: sk })).toBe(expected.authorization);
    },
  );

  it('does not depend on the order of headers or query parameters', () => {
    const ordered = signRequest({ ...DATED, url: new URL('https://h/v2.0?a=1&b=2') }, KEY);
    const headers = Object.fromEntries(Object.entries(DATED.headers).reverse());
    expect(signRequest({ ...DATED, headers, url: new URL('https://h/v2.0?b=2&a=1') }, KEY)).toBe(ordered);
  });

  it.each([
    ['method', { method: 'POST' }],
    ['path', { url: new URL('https://dli.cn-north-4.myhuaweicloud.com/v2.1') }],
    ['query', { url: new URL('https://dli.cn-north-4.myhuaweicloud.com/v2.0?a=1') }],
    ['headers', { headers: { ...DATED.headers, 'x-project-id': 'p' } }],
    ['date', { headers: { ...DATED.headers, 'x-sdk-date': '20240115T083001Z' } }],
    ['body', { body: '{}' }],
  ])('covers the %s', (_part, change) => {
    const signature = /Signature=[0-9a-f]{64}$/;
    const before = signRequest(DATED, KEY).match(signature)?.[0];
    expect(signRequest({ ...DATED, ...change }, KEY)).toMatch(signature);
    expect(signRequest({ ...DATED, ...change }, KEY)).not.toContain(before);
  });

  it('requires a date', () => {
    expect(() => signRequest({ ...DATED, headers: { host: 'h' } }, KEY)).toThrow(TypeError);
  });
});

describe('sdkDate', () => {
  it.each([
    ['2024-01-15T08:30:00.000Z', '20240115T083000Z'],
    ['2024-12-31T23:59:59.999Z', '20241231T235959Z'],
    ['2026-11-23T09:15:07.042+08:00', '20261123T011507Z'],
  ])('formats %s as %s: in UTC, without fractions of a second', (time, expected) => {
    expect(sdkDate(Date.parse(time))).toBe(expected);
  });
});
