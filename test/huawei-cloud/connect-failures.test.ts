import { describe, expect, it } from '@jest/globals';
import { connectFailureOf } from '../../src/huawei-cloud/transport-error.js';

describe('a failed connection attempt', () => {
  it.each([
    ['ECONNREFUSED', 'UNREACHABLE'],
    ['EHOSTUNREACH', 'UNREACHABLE'],
    ['ENETUNREACH', 'UNREACHABLE'],
    ['ENOTFOUND', 'UNREACHABLE'],
    ['EAI_AGAIN', 'UNREACHABLE'],
    ['UND_ERR_SOCKET', 'UNREACHABLE'],
    [undefined, 'UNREACHABLE'],
    ['UND_ERR_CONNECT_TIMEOUT', 'CONNECT_TIMEOUT'],
    ['ETIMEDOUT', 'CONNECT_TIMEOUT'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS'],
    ['CERT_HAS_EXPIRED', 'TLS'],
    ['ERROR_IN_CERT_NOT_AFTER_FIELD', 'TLS'],
    ['EMAIL_MISMATCH', 'TLS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLS'],
    ['EPROTO', 'TLS'],
    ['ECONNRESET', 'TLS'],
  ])('with code %s is classified as %s', (code, failure) => {
    expect(connectFailureOf(code)).toBe(failure);
  });
});
