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

/** What is wrong with the smallest environment after the changes; undefined takes a variable away. */
export function problemsWith(changes: Environment): readonly Problem[] {
  return refusalOf({ ...MINIMAL_ENVIRONMENT, ...changes }).problems;
}

/** Everything that a refused environment can show of itself when its error is printed or logged. */
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
