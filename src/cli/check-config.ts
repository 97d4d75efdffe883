import 'reflect-metadata';

import { pino } from 'pino';
import { createJwksFetcher, IssuerFetchError } from '../auth/jwks.js';
import type { Backend } from '../composition/compose.js';
import { compose } from '../composition/compose.js';
import type { Config } from '../config/config.js';
import type { Environment } from '../config/secret-files.js';
import { findWarnings } from '../config/warnings.js';
import { DliError } from '../dli/dli-error.js';
import { describeCreate } from '../enhanced-connection/to-create-payload.js';
import { checkDocuments } from '../gateway.js';
import { AuthenticationError } from '../huawei-cloud/authenticator.js';
import { newTrace } from '../lib/logger.js';
import { Deadline, SYSTEM_CLOCK } from '../lib/time.js';
import { NO_METRICS } from '../metrics/metrics.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';

/** The result of one check. `detail` is one of the gateway's own words, or an error code of DLI. */
interface CheckResult {
  isOk: boolean;
  detail?: string | undefined;
}

/**
 * Checks a configuration more thoroughly than loading does, as a gateway does when it starts, but opens no port.
 *
 * @param isOnline whether to also try the systems that the gateway depends on
 * @param print receives each line
 * @returns whether everything was in order
 * @throws {ConfigError} when a trusted document is invalid, or the store must not be used
 */
export async function checkConfig(
  config: Config,
  env: Environment,
  isOnline: boolean,
  print: (line: string) => void,
): Promise<boolean> {
  checkDocuments(config.trustedDocuments);
  for (const { message } of findWarnings(config, env)) print(`warning: ${message}`);
  print('configuration is valid');
  return !isOnline || tryUpstreams(config, print);
}

/**
 * Tries the store, sign-in, DLI and the issuer once each, with the gateway's own code. Creates nothing but a missing
 * folder for the store. Each line says `ok` or `failed`, what was tried, and why it failed.
 */
async function tryUpstreams(config: Config, print: (line: string) => void): Promise<boolean> {
  const backend = await compose(config, {
    clock: SYSTEM_CLOCK,
    log: pino({ level: 'silent' }),
    metrics: NO_METRICS,
    describeOutcome: describeCreate,
  });
  let isOk = true;
  const report = (name: string, { isOk: hasPassed, detail }: CheckResult) => {
    isOk &&= hasPassed;
    print(`${hasPassed ? 'ok' : 'failed'} ${name}${detail === undefined ? '' : `: ${detail}`}`);
    return hasPassed;
  };
  try {
    report('store', await checkStore(backend));
    const isSignedIn = report('sign-in', await checkSignIn(backend, config));
    // Signing in again could lock the account.
    if (isSignedIn) report('connections', await checkConnections(backend, config));
    if (config.auth.tokens !== undefined) report('issuer', await checkIssuer(backend, config.auth.tokens));
  } finally {
    await backend.stop();
    await backend.close();
  }
  return isOk;
}

async function checkStore({ store }: Backend): Promise<CheckResult> {
  try {
    await store.hasAbandoned(SYSTEM_CLOCK.epochMs());
    return { isOk: true };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { isOk: false, detail: 'UNAVAILABLE' };
  }
}

async function checkSignIn({ authenticator }: Backend, { operationTimeoutMs }: Config): Promise<CheckResult> {
  try {
    const use = await authenticator.authenticate(new Deadline(SYSTEM_CLOCK, operationTimeoutMs), newTrace());
    use.report('UNPROVEN');
    return { isOk: true };
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    return { isOk: false, detail: error.failure };
  }
}

// Some regions do not offer both kinds, and the gateway can do without one.
async function checkConnections({ connections }: Backend, { operationTimeoutMs }: Config): Promise<CheckResult> {
  try {
    const deadline = new Deadline(SYSTEM_CLOCK, operationTimeoutMs);
    const { failures } = await connections.listConnections({ deadline, trace: newTrace() });
    const [failure] = failures;
    if (failure === undefined) return { isOk: true };
    const [kind, error] = failure;
    return { isOk: true, detail: `not of the kind ${kind}: ${describe(error)}` };
  } catch (error) {
    if (!(error instanceof DliError)) throw error;
    return { isOk: false, detail: describe(error) };
  }
}

function describe({ code, upstreamCode }: DliError): string {
  return upstreamCode === undefined ? code : `${code}, ${upstreamCode}`;
}

async function checkIssuer(
  { issuerTransport, upstream }: Backend,
  tokens: NonNullable<Config['auth']['tokens']>,
): Promise<CheckResult> {
  try {
    await createJwksFetcher(tokens, { transport: issuerTransport, upstream, clock: SYSTEM_CLOCK })();
    return { isOk: true };
  } catch (error) {
    if (!(error instanceof IssuerFetchError)) throw error;
    return { isOk: false, detail: error.message };
  }
}
