import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Command } from './cli/command-line.js';
import { HELP, parseCommandLine, UsageError } from './cli/command-line.js';
import type { Config } from './config/config.js';
import { ConfigError, loadConfig } from './config/config.js';
import { printEffectiveValues } from './config/effective-values.js';
import { SECRET_KEYS } from './config/env-schema.js';
import type { Environment } from './config/secret-files.js';
import { describeMisspelling, findMisspeltVariables, findWarnings } from './config/warnings.js';
import type { DevelopmentEmulator } from './dev-mode.js';
import type { GatewayAddresses } from './gateway.js';
import { isLoopback } from './lib/ip-address.js';
import { LogDestination } from './lib/log-destination.js';
import { stackFrames } from './lib/logger.js';

// From sysexits.h: command line usage error, service unavailable, internal software error, input/output error,
// configuration error.
const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;
const EXIT_SOFTWARE = 70;
const EXIT_IO_ERROR = 74;
const EXIT_CONFIG = 78;
// A shell reports a process that was killed by a signal as 128 plus the signal's number.
const EXIT_SIGNAL = 128;
// npm forwards a SIGINT that the terminal has already sent to the gateway.
const FORWARDED_WITHIN_MS = 500;

/** Node's error when a server cannot listen on its address, or the host name has none. */
interface ListenError {
  code: string;
  address?: string;
  port?: number;
}

const log = new LogDestination(process.stdout);
process.on('exit', code => {
  // A bug explains the lost lines, so its exit code stays.
  if (log.finish() && code !== EXIT_SOFTWARE) process.exitCode = EXIT_IO_ERROR;
});
// The reader of standard error may be gone.
process.stderr.on('error', () => {});

async function run(command: Command, environment: Environment): Promise<void> {
  if (command.name === 'start') return start(environment, command.isDevelopment);
  if (command.name === 'help') return void process.stdout.write(HELP);
  if (command.name === 'version') return void process.stdout.write(`${version()}\n`);
  const config = loadConfig(environment);
  if (command.name === 'printConfig') return void process.stdout.write(printEffectiveValues(config, environment));
  // Imported lazily, because it loads most of the gateway.
  const { checkConfig } = await import('./cli/check-config.js');
  const isOk = await checkConfig(config, environment, command.isOnline, line => process.stdout.write(`${line}\n`));
  process.exit(isOk ? 0 : EXIT_UNAVAILABLE);
}

function version(): string {
  const { name, version }: { name: string; version: string } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  return `${name} ${version}, Node ${process.versions.node}`;
}

async function start(environment: Environment, isDevelopment: boolean): Promise<void> {
  const emulator = isDevelopment ? await startEmulator(environment) : undefined;
  const gatewayEnvironment = emulator?.gatewayEnvironment ?? environment;
  const config = loadConfig(gatewayEnvironment);
  if (emulator !== undefined) requireLoopback(config);
  const logger = pino({ level: config.logLevel, base: null }, log);
  exitOnBug(logger);
  captureConsole(logger);
  // LOG_LEVEL=error must not hide them.
  const warnings = logger.child({}, { level: 'warn' });
  for (const { record, message } of findWarnings(config, gatewayEnvironment)) warnings.warn(record, message);
  // Imported lazily, so that configuration errors are reported immediately.
  const { createGateway } = await import('./gateway.js');
  const gateway = await createGateway(config, logger, { droppedLogLines: () => log.dropped.lines });
  let first: { signal: NodeJS.Signals; atMs: number } | undefined;
  const stop = async (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (first !== undefined) {
      const isRepeated = signal === 'SIGINT' && first.signal === 'SIGINT';
      if (isRepeated && nowMs - first.atMs < FORWARDED_WITHIN_MS) return;
      process.exit(EXIT_SIGNAL + constants.signals[signal]);
    }
    first = { signal, atMs: nowMs };
    logger.info({ signal }, 'stopping');
    await gateway.close();
    await emulator?.close();
    logger.info('stopped');
    await exit(0);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  const addresses = await gateway.listen();
  if (addresses !== undefined && first === undefined) logAddresses(config, addresses, logger, emulator);
}

/** Copies the environment and removes the secrets from the original, which Node writes into diagnostic reports. */
function takeEnvironment(): Environment {
  const environment = { ...process.env };
  for (const key of [...SECRET_KEYS, 'https_proxy']) delete process.env[key];
  return environment;
}

/** Ends the process once its log is written, or after a second. */
async function exit(code: number): Promise<never> {
  await log.end();
  process.exit(code);
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
  return startDevelopmentEmulator(environment, text => process.stderr.write(text));
}

function logAddresses(
  { explorer }: Config,
  { graphqlUrl, adminUrl, pageUrl }: GatewayAddresses,
  logger: Logger,
  emulator: DevelopmentEmulator | undefined,
): void {
  logger.info({ graphqlUrl, adminUrl, explorer }, 'listening');
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

function isListenError(error: unknown): error is ListenError {
  return error instanceof Error && 'syscall' in error && ['listen', 'getaddrinfo'].includes(String(error.syscall));
}

// The message is not logged: it may contain data of a caller or of DLI.
function exitOnBug(logger: Logger): void {
  let isExiting = false;
  process.on('uncaughtException', (error: unknown) => {
    if (isExiting) return;
    isExiting = true;
    const errorName = error instanceof Error ? error.name : 'unknown';
    logger.fatal({ errorName, frames: stackFrames(error) }, 'the gateway exits because of a bug');
    void exit(EXIT_SOFTWARE);
  });
}

// Libraries such as lmdb, or ioredis without the right to use INFO, print texts that are not JSON and may contain data.
function captureConsole(logger: Logger): void {
  for (const method of ['warn', 'error'] as const)
    console[method] = () => logger.warn({ operation: 'console', outcome: method }, 'a library printed a message');
}

const environment = takeEnvironment();
try {
  await run(parseCommandLine(process.argv.slice(2)), environment);
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`Wrong command line: ${error.message}. See --help.\n`);
    process.exit(EXIT_USAGE);
  }
  if (error instanceof ConfigError) {
    const misspelt = findMisspeltVariables(environment).map(each => `  ${describeMisspelling(each)}\n`);
    const lines = [...error.problems.map(({ key, rule }) => `  ${key} ${rule}\n`), ...misspelt];
    process.stderr.write(`The gateway cannot start. Invalid configuration:\n${lines.join('')}`);
    await exit(EXIT_CONFIG);
  }
  if (isListenError(error)) {
    const { code, address = '', port = '' } = error;
    const place = `${address}${port === '' ? '' : `:${port}`}`;
    process.stderr.write(
      `The gateway cannot start: it cannot listen on ${place || 'its address'} (${code}). HOST, PORT, ADMIN_HOST and ADMIN_PORT say where it listens.\n`,
    );
    await exit(EXIT_UNAVAILABLE);
  }
  process.stderr.write(`The gateway cannot start because of a bug.\n${stackFrames(error).join('\n')}\n`);
  await exit(EXIT_SOFTWARE);
}
