import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Config } from './config/config.js';
import { ConfigError, loadConfig } from './config/config.js';
import { SECRET_KEYS } from './config/env-schema.js';
import type { Environment } from './config/secret-files.js';
import type { DevelopmentEmulator } from './dev-mode.js';
import type { GatewayAddresses } from './gateway.js';
import { isLoopback } from './lib/ip-address.js';
import { stackFrames } from './lib/logger.js';

// From sysexits.h: service unavailable, internal software error, configuration error.
const EXIT_UNAVAILABLE = 69;
const EXIT_SOFTWARE = 70;
const EXIT_CONFIG = 78;

/** Node's error when a server cannot listen on its address. */
type ListenError = Error & { code?: string; address?: string; port?: number };

async function start(): Promise<void> {
  const environment = takeEnvironment();
  const emulator = process.argv.includes('--dev') ? await startEmulator(environment) : undefined;
  const config = loadConfig(emulator?.gatewayEnvironment ?? environment);
  if (emulator !== undefined) requireLoopback(config);
  const logger = createLogger(config);
  exitOnBug(logger);
  // Loaded only now, so that configuration errors are reported immediately.
  const { createGateway } = await import('./gateway.js');
  const gateway = await createGateway(config, logger);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping');
    await gateway.close();
    await emulator?.close();
    logger.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  const addresses = await gateway.listen();
  if (addresses !== undefined && !isStopping) logAddresses(config, addresses, logger, emulator);
}

/** Copies the environment and removes the secrets from the original, which Node writes into diagnostic reports. */
function takeEnvironment(): Environment {
  const environment = { ...process.env };
  for (const key of [...SECRET_KEYS, 'https_proxy']) delete process.env[key];
  return environment;
}

// Buffered: under load many lines share one write. A line waits at most for the flush interval.
function createLogger({ logLevel }: Config): Logger {
  const destination = pino.destination({ dest: 1, minLength: 8_192, periodicFlush: 100 });
  process.on('exit', () => destination.flushSync());
  return pino({ level: logLevel, base: null }, destination);
}

function requireLoopback({ host, adminHost }: Config): void {
  const rule = 'must be a loopback address in development mode';
  const problems = Object.entries({ HOST: host, ADMIN_HOST: adminHost })
    .filter(([, address]) => !isLoopback(address))
    .map(([key]) => ({ key, rule }));
  if (problems.length > 0) throw new ConfigError(problems);
}

async function startEmulator(environment: Environment): Promise<DevelopmentEmulator> {
  // Production never loads the emulator.
  const { startDevelopmentEmulator } = await import('./dev-mode.js');
  return startDevelopmentEmulator(environment);
}

function logAddresses(
  { host, explorer, callerAuth }: Config,
  { graphqlUrl, adminUrl, pageUrl }: GatewayAddresses,
  logger: Logger,
  emulator: DevelopmentEmulator | undefined,
): void {
  logger.info({ graphqlUrl, adminUrl, explorer }, 'listening');
  if (callerAuth === 'none' && !isLoopback(host)) {
    // LOG_LEVEL=error must not hide it.
    logger
      .child({}, { level: 'warn' })
      .warn(
        { host },
        'CALLER_AUTH=none: everyone who can reach this address can create and delete connections with your credentials',
      );
  }
  if (emulator === undefined) return;
  process.stdout.write(
    [
      'The gateway is ready, with an embedded DLI emulator.',
      `  GraphQL   ${graphqlUrl}`,
      ...(explorer === 'none' ? [] : [`  Explorer  ${graphqlUrl} (open it in a browser)`]),
      `  Health    ${adminUrl}/readyz`,
      `  Emulator  ${emulator.url}`,
      ...(pageUrl === undefined ? [] : [`  Example   ${pageUrl} (open it in a browser)`]),
      '',
    ].join('\n'),
  );
}

// The message is not logged: it may contain data of a caller or of DLI.
function exitOnBug(logger: Logger): void {
  process.on('uncaughtException', (error: unknown) => {
    const errorName = error instanceof Error ? error.name : 'unknown';
    logger.fatal({ errorName, frames: stackFrames(error) }, 'the gateway exits because of a bug');
    process.exit(EXIT_SOFTWARE);
  });
}

try {
  await start();
} catch (error) {
  if (error instanceof ConfigError) {
    const lines = error.problems.map(({ key, rule }) => `  ${key} ${rule}\n`);
    process.stderr.write(`The gateway cannot start. Invalid configuration:\n${lines.join('')}`);
    process.exit(EXIT_CONFIG);
  }
  const { code = '', address = '', port = '' } = error instanceof Error ? (error as ListenError) : {};
  if (/^E[A-Z]+$/.test(code)) {
    const place = `${address}${port === '' ? '' : `:${port}`}`;
    process.stderr.write(
      `The gateway cannot start: it cannot listen on ${place || 'its address'} (${code}). HOST, PORT, ADMIN_HOST and ADMIN_PORT say where it listens.\n`,
    );
    process.exit(EXIT_UNAVAILABLE);
  }
  process.stderr.write(`The gateway cannot start because of a bug.\n${stackFrames(error).join('\n')}\n`);
  process.exit(EXIT_SOFTWARE);
}
