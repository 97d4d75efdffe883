import type { TokenRules } from '../auth/access-token.js';
import type { CallerGate } from '../auth/caller.js';
import type { IssuerPlace } from '../auth/jwks.js';
import { IssuerKeys, keySetReader } from '../auth/jwks.js';
import { TokenGate } from '../auth/jwt-authenticator.js';
import type { SharedCounters } from '../auth/rate-limits.js';
import { FailedLogins } from '../auth/rate-limits.js';
import type { Clock } from '../lib/time.js';
import type { CallersLog } from './callers-log.js';

/** Puts together the gate that asks for tokens. */
export function openTokenGate(parts: {
  tokens: TokenRules & IssuerPlace;
  /** Refused tokens of one address in a minute, after which no more of its tokens are looked at. */
  failedLoginsPerMinute: number;
  shared: SharedCounters | undefined;
  clock: Clock;
  log: CallersLog;
}): CallerGate {
  const { tokens, failedLoginsPerMinute, shared, clock, log } = parts;
  const keys = new IssuerKeys(keySetReader(tokens), clock, log);
  return new TokenGate(keys, tokens, new FailedLogins(failedLoginsPerMinute, shared), clock);
}
