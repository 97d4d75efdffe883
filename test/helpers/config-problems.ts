import { inspect } from 'node:util';
import { ConfigError, loadConfig } from '../../src/config/config.js';
import type { Environment, Problem } from '../../src/config/secret-files.js';

/** The smallest environment that a gateway starts with. */
export const MINIMAL_ENVIRONMENT = {
  DLI_REGION: 'cn-north-4',
  CALLER_AUTH: 'none',
  HUAWEICLOUD_SDK_AK: 'AK-OF-A-TEST',
  HUAWEICLOUD_SDK_SK: 'SK-OF-A-TEST',
};

/** The problems of the smallest environment with changes; undefined removes a variable. */
export function problemsWith(changes: Environment): readonly Problem[] {
  return refusalOf({ ...MINIMAL_ENVIRONMENT, ...changes }).problems;
}

/** The text of a ConfigError in every form in which it may be printed or logged. */
export function printedRefusal(env: Environment): string {
  const error = refusalOf(env);
  return [String(error), error.stack, inspect(error, { depth: null }), JSON.stringify(error)].join('\n');
}

/** The error with which an environment is refused. */
export function refusalOf(env: Environment): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('The environment was accepted.');
}
