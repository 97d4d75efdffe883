import type { TokenRules } from '../auth/access-token.js';
import type { IssuerPlace } from '../auth/jwks.js';
import type { CreateLimitRule } from '../auth/rate-limits.js';
import type { Settings } from './env-schema.js';
import type { Problem } from './secret-files.js';

/** What operators decide about callers. */
export interface CallersConfig {
  /** Whose tokens callers show; undefined lets everybody in. */
  readonly tokens: (TokenRules & IssuerPlace) | undefined;
  /** undefined: as many as they like. */
  readonly createLimit: CreateLimitRule | undefined;
  /** Refused tokens of one address in a minute, after which no more of its tokens are looked at. */
  readonly failedLoginsPerMinute: number;
}

/** What the variables say about callers and their limits. */
type CallerSettings = Pick<
  Settings,
  | 'CALLER_AUTH'
  | 'OIDC_ISSUER'
  | 'OIDC_AUDIENCE'
  | 'OIDC_JWKS_URI'
  | 'OIDC_ALGORITHMS'
  | 'OIDC_TENANT_CLAIM'
  | 'OIDC_SCOPE_READ'
  | 'OIDC_SCOPE_CREATE'
  | 'OIDC_SCOPE_DELETE'
  | 'OIDC_MAX_TOKEN_AGE_SECONDS'
  | 'RATE_LIMIT_CREATES_PER_SECOND'
  | 'RATE_LIMIT_CREATES_BURST'
  | 'RATE_LIMIT_FAILED_LOGINS_PER_MINUTE'
>;

const DEFAULT_CREATES_PER_SECOND = 10;
// Each tenant's counter is kept for a window, so windows bound the memory that tenants take.
const MAX_WINDOW_SECONDS = 60;

/**
 * How callers are known and limited.
 *
 * @param problems gets what is missing or contradicts itself
 */
export function callersFrom(values: CallerSettings, problems: Problem[]): CallersConfig {
  return {
    tokens: values.CALLER_AUTH === 'jwt' ? tokensFrom(values, problems) : undefined,
    createLimit: createLimitFrom(values, problems),
    failedLoginsPerMinute: values.RATE_LIMIT_FAILED_LOGINS_PER_MINUTE,
  };
}

function tokensFrom(values: CallerSettings, problems: Problem[]): CallersConfig['tokens'] {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = values;
  const rule = 'is required with CALLER_AUTH=jwt';
  if (issuer === undefined) problems.push({ key: 'OIDC_ISSUER', rule });
  if (audience === undefined) problems.push({ key: 'OIDC_AUDIENCE', rule });
  const scopes = {
    read: values.OIDC_SCOPE_READ,
    create: values.OIDC_SCOPE_CREATE,
    delete: values.OIDC_SCOPE_DELETE,
  };
  // One scope may allow both kinds of change.
  for (const [key, scope] of [
    ['OIDC_SCOPE_CREATE', scopes.create],
    ['OIDC_SCOPE_DELETE', scopes.delete],
  ] as const)
    if (scope === scopes.read) problems.push({ key, rule: 'must be another scope than OIDC_SCOPE_READ' });
  if (issuer === undefined || audience === undefined) return undefined;
  return {
    issuer,
    audience,
    keysUrl: values.OIDC_JWKS_URI,
    algorithms: values.OIDC_ALGORITHMS,
    tenantClaim: values.OIDC_TENANT_CLAIM,
    scopes,
    maxAgeSeconds: values.OIDC_MAX_TOKEN_AGE_SECONDS,
  };
}

// Where callers are not told apart, a limit would be one for all of them together, so it must be asked for.
function createLimitFrom(values: CallerSettings, problems: Problem[]): CallersConfig['createLimit'] {
  const { RATE_LIMIT_CREATES_PER_SECOND: wanted, RATE_LIMIT_CREATES_BURST: burst } = values;
  const isWanted = wanted !== undefined || burst !== undefined || values.CALLER_AUTH === 'jwt';
  const perSecond = wanted ?? DEFAULT_CREATES_PER_SECOND;
  if (!isWanted || perSecond === 0) return undefined;
  const creates = burst ?? 2 * perSecond;
  const windowSeconds = creates / perSecond;
  // Redis counts in windows of whole seconds.
  if (!Number.isInteger(windowSeconds) || windowSeconds > MAX_WINDOW_SECONDS) {
    problems.push({
      key: 'RATE_LIMIT_CREATES_BURST',
      rule: `must be 1 to ${MAX_WINDOW_SECONDS} times RATE_LIMIT_CREATES_PER_SECOND (default ${DEFAULT_CREATES_PER_SECOND})`,
    });
  }
  return { creates, windowSeconds };
}
