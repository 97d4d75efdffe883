import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config/config.js';
import type { Environment } from './config/secret-files.js';
import { createEmulator } from './emulator/emulator.js';
import type { EmulatorOptions } from './emulator/options.js';
import { readEnvironment, resolveOptions } from './emulator/options.js';
import { codeOf } from './lib/logger.js';

/** An emulator of DLI and IAM in this process, and the environment of a gateway that uses it. */
export interface DevelopmentEmulator {
  url: string;
  gatewayEnvironment: Environment;
  /** Stops the emulator. */
  close(): Promise<void>;
}

// Origins of development servers, such as Vite's. The emulator holds nothing to hide from other local programs.
const LOCAL_ORIGINS = ['localhost', '127.0.0.1', '[::1]'].flatMap(host => [`http://${host}:*`, `https://${host}:*`]);

// Development mode ignores variables for the real cloud.
const REAL_CLOUD_KEYS =
  /^(?:HUAWEICLOUD_SDK_(?:AK|SK|SECURITY_TOKEN|PROJECT_ID|IAM_ENDPOINT)|IAM_(?:USERNAME|PASSWORD|DOMAIN_NAME)|DLI_(?:REGION|ENDPOINT)|CALLER_AUTH)(?:_FILE)?$/;

/**
 * Starts an emulator on loopback, configured by the `EMULATOR_*` variables. When the default port is in use and
 * `EMULATOR_PORT` is not set, it listens on any free port.
 *
 * @throws {ConfigError} when an `EMULATOR_*` variable is invalid, or `TMPDIR` names no folder that can be written to
 */
export async function startDevelopmentEmulator(
  env: Environment,
  printError: EmulatorOptions['printError'],
): Promise<DevelopmentEmulator> {
  const { configuration, problems } = readEnvironment({ ...env, EMULATOR_HOST: '127.0.0.1' });
  if (configuration === undefined) throw new ConfigError(problems);
  const emulator = createEmulator({ ...configuration.options, printError });
  const url = await emulator.listen(configuration.port).catch((error: unknown) => {
    if (configuration.isPortSet) throw error;
    return emulator.listen(0);
  });
  const dataDir = await createDataDir();
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
      // The emulator forgets everything when it stops, so the operation records must not outlive it.
      DATA_DIR: dataDir,
      // Connections of the emulator appear at once, so reconciliation need not wait as long as with DLI.
      RECONCILE_SETTLE_MS: '12000',
      EXPLORER: 'graphiql',
      LOG_LEVEL: 'warn',
      ...Object.fromEntries(ownEnvironment),
      NODE_ENV: 'development',
      CALLER_AUTH: 'none',
      CORS_ORIGINS: [...LOCAL_ORIGINS, env['CORS_ORIGINS'] ?? ''].join(','),
      // The emulator uses no TLS, so a value that is set for other programs is harmless.
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

async function createDataDir(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'dli-gateway-'));
  } catch (error) {
    throw new ConfigError([{ key: 'TMPDIR', rule: `must name a folder that can be written to (${codeOf(error)})` }]);
  }
}
