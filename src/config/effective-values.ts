import type { Config } from './config.js';
import { defaultOf, envSchema, SECRET_KEYS } from './env-schema.js';
import type { Environment } from './secret-files.js';
import { readEnvironment } from './secret-files.js';

/** A variable with its value in effect and the source of that value. */
interface EffectiveValue {
  name: string;
  /** Secrets are redacted; undefined if the variable has no value. */
  value: string | undefined;
  source: 'environment' | 'file' | 'default';
}

const REDACTED = '[redacted]';

// Callers and logs must not see the project either. The addresses of Redis and the proxy are shown without user and
// password.
const REDACTED_KEYS: readonly string[] = [
  ...SECRET_KEYS.filter(key => key !== 'REDIS_URL' && key !== 'HTTPS_PROXY'),
  'HUAWEICLOUD_SDK_PROJECT_ID',
];

/**
 * All variables as lines such as `PORT=4000 # default`, ordered by name. Secrets are redacted, as are the parts of an
 * address that may hold one: user, password and query.
 *
 * @param config loaded from the same environment
 */
export function printEffectiveValues(config: Config, env: Environment): string {
  const values = findEffectiveValues(config, env).sort((one, other) => (one.name < other.name ? -1 : 1));
  return values.map(({ name, value = '', source }) => `${name}=${quote(value)} # ${source}\n`).join('');
}

// As in dotenv files, so that a # or a line break in a value is not mistaken for the end of it.
function quote(value: string): string {
  return /^[^\s#"'\\]*$/.test(value) ? value : JSON.stringify(value);
}

function findEffectiveValues(config: Config, env: Environment): EffectiveValue[] {
  const derived = derivedValues(config);
  const { values, files } = readEnvironment(env, Object.keys(envSchema.shape), SECRET_KEYS);
  const variables = Object.keys(envSchema.shape).map((name): EffectiveValue => {
    const value = values[name];
    if (value === undefined) return { name, value: defaultOf(name) ?? derived[name], source: 'default' };
    const isRedacted = REDACTED_KEYS.includes(name);
    return {
      name,
      value: isRedacted ? REDACTED : withoutSecrets(value),
      source: name in files ? 'file' : 'environment',
    };
  });
  const fileVariables = Object.entries(files).map(
    ([name, path]): EffectiveValue => ({ name: `${name}_FILE`, value: path, source: 'environment' }),
  );
  return [...variables, ...fileVariables];
}

/** The defaults that depend on other variables. */
function derivedValues({ dliEndpoint, iamEndpoint, explorer, isSubgraph, auth }: Config): Record<string, string> {
  const { mutationLimit } = auth;
  return {
    DLI_ENDPOINT: dliEndpoint.origin,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: iamEndpoint.origin,
    EXPLORER: explorer,
    FEDERATION: String(isSubgraph),
    ...(mutationLimit !== undefined && {
      RATE_LIMIT_CREATES_PER_SECOND: String(mutationLimit.mutations / mutationLimit.windowSeconds),
      RATE_LIMIT_CREATES_BURST: String(mutationLimit.mutations),
    }),
  };
}

function withoutSecrets(value: string): string {
  if (!/[@?]/.test(value)) return value;
  // In several addresses, or one without a scheme, any part may be a secret.
  if (!/^\w[\w+.-]*:\/\//.test(value) || !URL.canParse(value)) return REDACTED;
  const { protocol, host, pathname, search } = new URL(value);
  return `${protocol}//${host}${pathname}${search === '' ? '' : `?${REDACTED}`}`;
}
