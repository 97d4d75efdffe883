import { isIP } from 'node:net';
import { z } from 'zod';
import { ENCRYPTED_RULE, headerSafe, isEncryptedOrLoopback, list, whole } from './config-forms.js';

/** Signature algorithms with a public key; a secret one would make of every published key a password. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]);

// RFC 6749, section 3.3.
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope, without spaces and quotes');

/** The form of every variable about callers and their limits by itself. */
export const callerSettings = {
  CALLER_AUTH: z.enum(['jwt', 'none'], {
    error: ({ input }) =>
      input === undefined ? 'is required: jwt or none, said explicitly' : 'must be jwt or none',
  }),
  OIDC_ISSUER: z
    .string()
    .refine(
      isIssuer,
      'must be the address that tokens have as iss, with its scheme and without query or user',
    )
    .refine(isEncryptedOrLoopback, ENCRYPTED_RULE)
    .optional(),
  OIDC_AUDIENCE: headerSafe.optional(),
  OIDC_JWKS_URI: z
    .string()
    .refine(isPlainUrl, 'must be an address with its scheme and without user or fragment')
    .refine(isEncryptedOrLoopback, ENCRYPTED_RULE)
    .transform(text => new URL(text))
    .optional(),
  OIDC_ALGORITHMS: list
    .refine(
      names => names.length > 0 && names.every(name => SIGNATURE_ALGORITHMS.has(name)),
      `must be some of ${[...SIGNATURE_ALGORITHMS].join(', ')}, separated by commas`,
    )
    .default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  OIDC_TENANT_CLAIM: headerSafe.default('sub'),
  OIDC_SCOPE_READ: scope.default('dli:connection:read'),
  OIDC_SCOPE_CREATE: scope.default('dli:connection:create'),
  OIDC_SCOPE_DELETE: scope.default('dli:connection:delete'),
  OIDC_MAX_TOKEN_AGE_SECONDS: whole(
    60,
    31_536_000,
    'must be a whole number of seconds from 60 to 31536000',
  ).default(86_400),
  RATE_LIMIT_CREATES_PER_SECOND: whole(0, 10_000, 'must be a whole number from 0 to 10000').optional(),
  RATE_LIMIT_CREATES_BURST: whole(1, 100_000, 'must be a whole number from 1 to 100000').optional(),
  RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: whole(1, 100_000, 'must be a whole number from 1 to 100000').default(
    300,
  ),
  TRUST_PROXY: list
    .refine(
      proxies => proxies.every(isAddressRange),
      'must be IP addresses or ranges such as 10.0.0.0/8, but not of all addresses, separated by commas',
    )
    .default([]),
};

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && `${hash}${username}${password}` === '';
}

function isIssuer(text: string): boolean {
  return isPlainUrl(text) && new URL(text).search === '';
}

// Whoever believes every address lets callers choose their own; and the server would not start with such a range.
function isAddressRange(text: string): boolean {
  const [address = '', bits = '1', ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || more.length > 0) return false;
  return Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128);
}
