import type { TokenRules } from '../auth/access-token.js';
import type { JwksLocation } from '../auth/jwks.js';
import type { MutationLimitRule } from '../auth/rate-limits.js';
import type { OptionalEnvValues } from './env-schema.js';
import type { Problem } from './secret-files.js';
import { addProblem, hasProblem } from './secret-files.js';

/** How callers are authenticated and limited. */
export type AuthConfig = Readonly<ReturnType<typeof readAuthConfig>>;

const DEFAULT_CREATES_PER_SECOND = 10;
// A tenant's counter lives for one window, so short windows bound the memory that counters use.
const MAX_WINDOW_SECONDS = 60;

/** Reads {@link AuthConfig} from the validated variables. `problems` receives missing and contradictory ones. */
export function readAuthConfig(values: OptionalEnvValues, problems: Problem[]) {
  return {
    /** The issuer of access tokens; undefined accepts anonymous callers. */
    tokens: values.CALLER_AUTH === 'jwt' ? readTokenConfig(values, problems) : undefined,
    /** Undefined for no limit. */
    mutationLimit: readMutationLimit(values, problems),
    /** Rejected tokens per client address and minute; beyond that, signatures are checked at a limited rate. */
    failedLoginsPerMinute: values.RATE_LIMIT_FAILED_LOGINS_PER_MINUTE,
  };
}

function readTokenConfig(values: OptionalEnvValues, problems: Problem[]): (TokenRules & JwksLocation) | undefined {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audiences } = values;
  const rule = 'is required with CALLER_AUTH=jwt';
  if (issuer === undefined) addProblem(problems, { key: 'OIDC_ISSUER', rule });
  if (audiences === undefined) addProblem(problems, { key: 'OIDC_AUDIENCE', rule });
  const scopes = {
    read: values.OIDC_SCOPE_READ,
    create: values.OIDC_SCOPE_CREATE,
    delete: values.OIDC_SCOPE_DELETE,
  };
  // One scope may grant both create and delete, but neither may equal the read scope.
  for (const key of ['OIDC_SCOPE_CREATE', 'OIDC_SCOPE_DELETE'] as const)
    if (values[key] === scopes.read) addProblem(problems, { key, rule: 'must be another scope than OIDC_SCOPE_READ' });
  if (issuer === undefined || audiences === undefined) return undefined;
  return {
    issuer,
    audiences,
    audienceClaim: values.OIDC_AUDIENCE_CLAIM,
    jwksUrl: values.OIDC_JWKS_URI,
    algorithms: values.OIDC_ALGORITHMS,
    tenantClaim: values.OIDC_TENANT_CLAIM,
    scopeClaims: values.OIDC_SCOPE_CLAIM,
    scopes,
    maxAgeSeconds: values.OIDC_MAX_TOKEN_AGE_SECONDS,
  };
}

// Anonymous callers would share one limit, so without JWT there is a limit only if a variable sets one.
function readMutationLimit(values: OptionalEnvValues, problems: Problem[]): MutationLimitRule | undefined {
  const { RATE_LIMIT_CREATES_PER_SECOND: rate, RATE_LIMIT_CREATES_BURST: burst } = values;
  const isEnabled = rate !== undefined || burst !== undefined || values.CALLER_AUTH === 'jwt';
  const perSecond = rate ?? DEFAULT_CREATES_PER_SECOND;
  if (!isEnabled || perSecond === 0) return undefined;
  const mutations = burst ?? 2 * perSecond;
  const windowSeconds = mutations / perSecond;
  // The counters in Redis have windows of whole seconds.
  const isRateValid = !hasProblem(problems, 'RATE_LIMIT_CREATES_PER_SECOND');
  if (isRateValid && (!Number.isInteger(windowSeconds) || windowSeconds > MAX_WINDOW_SECONDS)) {
    addProblem(problems, {
      key: 'RATE_LIMIT_CREATES_BURST',
      rule: `must be 1 to ${MAX_WINDOW_SECONDS} times RATE_LIMIT_CREATES_PER_SECOND (default ${DEFAULT_CREATES_PER_SECOND})`,
    });
  }
  return { mutations, windowSeconds };
}
