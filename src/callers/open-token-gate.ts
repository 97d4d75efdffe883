import type { Clock } from '../lib/time.js';
import type { TokenRules } from './access-token.js';
import type { CallerGate } from './caller-gate.js';
import type { CallersLog } from './callers-log.js';
import type { SharedCounters } from './failed-logins.js';
import { FailedLogins } from './failed-logins.js';
import type { IssuerPlace } from './issuer-key-set.js';
import { keySetReader } from './issuer-key-set.js';
import { IssuerKeys } from './issuer-keys.js';
import { TokenGate } from './token-gate.js';

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
