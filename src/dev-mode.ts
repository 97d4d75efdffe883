import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config/config.js';
import type { Environment } from './config/secret-files.js';
import { createEmulator } from './emulator/emulator.js';
import { readEnvironment, resolveOptions } from './emulator/options.js';

/** An emulator of DLI and IAM inside this process, and the environment of a gateway that uses it. */
export interface DevelopmentEmulator {
  url: string;
  gatewayEnvironment: Environment;
  close(): Promise<void>;
}

// Whatever this machine holds for the real cloud must neither be used nor get in the way.
const REAL_CLOUD_KEYS =
  /^(?:HUAWEICLOUD_SDK_(?:AK|SK|SECURITY_TOKEN|PROJECT_ID|IAM_ENDPOINT)|IAM_(?:USERNAME|PASSWORD|DOMAIN_NAME)|DLI_(?:REGION|ENDPOINT)|CALLER_AUTH)(?:_FILE)?$/;

/**
 * Starts the emulator of the development mode on loopback, by the `EMULATOR_` variables. When its usual
 * port is taken and `EMULATOR_PORT` does not insist on one, it takes any free port.
 *
 * @throws {ConfigError} when such a variable is wrong
 */
export async function startDevelopmentEmulator(env: Environment): Promise<DevelopmentEmulator> {
  const { configuration, problems } = readEnvironment({ ...env, EMULATOR_HOST: '127.0.0.1' });
  if (configuration === undefined) {
    throw new ConfigError(
      problems.map(problem => {
        const [key = '', ...rule] = problem.split(' ');
        return { key, rule: rule.join(' ') };
      }),
    );
  }
  const emulator = createEmulator(configuration.options);
  const url = await emulator.listen(configuration.port).catch((error: unknown) => {
    if (env['EMULATOR_PORT']) throw error;
    return emulator.listen(0);
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'dli-gateway-'));
  const { projects, accessKeys } = resolveOptions(configuration.options);
  const [project] = projects;
  const [key] = accessKeys;
  const ownEnvironment = Object.entries(env).filter(([name]) => !REAL_CLOUD_KEYS.test(name));
  return {
    url,
    async close() {
      await emulator.close();
      await rm(dataDir, { recursive: true, force: true });
    },
    gatewayEnvironment: {
      // The emulator forgets at its end, and so must the records of what it holds.
      DATA_DIR: dataDir,
      // Its creates appear at once, so nobody needs to wait for late ones as long as with the real DLI.
      RECONCILE_SETTLE_MS: '12000',
      EXPLORER: 'graphiql',
      LOG_LEVEL: 'warn',
      ...Object.fromEntries(ownEnvironment),
      NODE_ENV: 'development',
      CALLER_AUTH: 'none',
      // The emulator speaks no TLS, so what the machine sets for other programs does no harm.
      NODE_TLS_REJECT_UNAUTHORIZED: undefined,
      DLI_REGION: project?.name,
      DLI_ENDPOINT: url,
      HUAWEICLOUD_SDK_IAM_ENDPOINT: url,
      HUAWEICLOUD_SDK_AK: key?.accessKey,
      HUAWEICLOUD_SDK_SK: key?.secretKey,
      HUAWEICLOUD_SDK_SECURITY_TOKEN: key?.securityToken,
    },
  };
}
