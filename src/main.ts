import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Config } from './config.js';
import { ConfigError, isLoopback, loadConfig } from './config.js';
import type { DevelopmentEmulator } from './development.js';
import type { GatewayAddresses } from './gateway.js';
import { createGateway } from './gateway.js';

// From sysexits.h: service unavailable, internal software error, configuration error.
const EXIT_UNAVAILABLE = 69;
const EXIT_SOFTWARE = 70;
const EXIT_CONFIG = 78;

async function start(): Promise<void> {
  const emulator = process.argv.includes('--dev') ? await startEmulator() : undefined;
  const config = loadConfig(emulator?.gatewayEnvironment ?? process.env);
  if (emulator !== undefined && !isLoopback(config.host)) {
    throw new ConfigError([{ key: 'HOST', rule: 'must be a loopback address in development mode' }]);
  }
  const logger = pino({ level: config.logLevel, base: null });
  exitOnBug(logger);
  const gateway = await createGateway(config, logger);
  const addresses = await gateway.listen();
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
  announce(config, addresses, logger, emulator);
}

async function startEmulator(): Promise<DevelopmentEmulator> {
  // Production never loads the emulator.
  const { startDevelopmentEmulator } = await import('./development.js');
  return startDevelopmentEmulator(process.env);
}

function announce(
  { host, explorer }: Config,
  { graphqlUrl, adminUrl }: GatewayAddresses,
  logger: Logger,
  emulator: DevelopmentEmulator | undefined,
): void {
  logger.info({ graphqlUrl, adminUrl, explorer }, 'listening');
  if (!isLoopback(host)) {
    // Said at every start, whatever the log level.
    logger
      .child({}, { level: 'warn' })
      .warn(
        { host },
        'CALLER_AUTH=none: everybody who reaches this address can create connections with your credentials',
      );
  }
  if (emulator === undefined) return;
  process.stdout.write(
    [
      'The gateway is ready, on an emulator of DLI that runs inside it.',
      `  GraphQL   ${graphqlUrl}`,
      ...(explorer === 'none' ? [] : [`  Explorer  ${graphqlUrl} (open it in a browser)`]),
      `  Health    ${adminUrl}/readyz`,
      `  Emulator  ${emulator.url}`,
      '',
    ].join('\n'),
  );
}

// The error itself is not printed: its message may hold what a caller sent or DLI answered.
function exitOnBug(logger: Logger): void {
  process.on('uncaughtException', error => {
    const frames = (error.stack ?? '').split('\n').filter(line => line.startsWith('    at '));
    logger.fatal({ errorName: error.name, frames }, 'the gateway ends because of a bug');
    process.exit(EXIT_SOFTWARE);
  });
}

try {
  await start();
} catch (error) {
  if (error instanceof ConfigError) {
    const lines = error.problems.map(({ key, rule }) => `  ${key} ${rule}\n`);
    process.stderr.write(`The gateway cannot start. Wrong in its configuration:\n${lines.join('')}`);
    process.exit(EXIT_CONFIG);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  process.stderr.write(
    `The gateway cannot start (${code}). Are HOST, PORT, ADMIN_HOST and ADMIN_PORT free?\n`,
  );
  process.exit(EXIT_UNAVAILABLE);
}
