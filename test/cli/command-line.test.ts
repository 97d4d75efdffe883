import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkConfig } from '../../src/cli/check-config.js';
import { parseCommandLine, UsageError } from '../../src/cli/command-line.js';
import { ConfigError, loadConfig } from '../../src/config/config.js';
import type { Environment } from '../../src/config/secret-files.js';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { AUDIENCE, startTokenIssuer } from '../helpers/token-issuer.js';

// Nothing listens there.
const ENVIRONMENT = environmentFor('http://127.0.0.1:9');

/** Runs the program to its end. Undefined removes a variable. */
async function run(flags: string[], environment: Environment = ENVIRONMENT) {
  const given = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const gateway = startGatewayProcess(Object.fromEntries(given), { arguments: flags });
  const exitCode = await gateway.end();
  return { exitCode, stdout: gateway.stdout(), stderr: gateway.stderr() };
}

/** What --check-config prints, without a process, and whether the program would exit with 0. */
async function check(environment: Environment, { isOnline = false } = {}) {
  const lines: string[] = [];
  const config = loadConfig({ DATA_DIR: newFolder(), ...environment });
  return { isOk: await checkConfig(config, environment, isOnline, line => lines.push(line)), lines };
}

function newFolder(): string {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-command-line-'));
  onCleanup(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function startEmulator(options: Partial<EmulatorOptions> = {}) {
  const emulator = createEmulator(options);
  onCleanup(() => emulator.close());
  return { emulator, environment: environmentFor(await emulator.listen()) };
}

describe('the command line', () => {
  it('--help prints the flags, where the variables are described, and the exit codes', async () => {
    const { exitCode, stdout, stderr } = await run(['--help'], {});
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: node dist\/main\.js /);
    for (const text of ['--dev', '--check-config', '--online', '--print-config', '--version', 'docs/configuration.md'])
      expect(stdout).toContain(text);
    expect([...stdout.matchAll(/^ +(\d+) {2}\w/gm)].map(([, code]) => code)).toEqual([
      '0',
      '64',
      '69',
      '70',
      '74',
      '78',
    ]);
    expect(stdout).toMatch(/^ {2}130, 143 {2}\w/m);
    expect(stdout.split('\n').filter(line => line.length > 120)).toEqual([]);
  });

  it('--version prints the versions of the gateway and of Node', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const stdout = `dli-gateway ${version}, Node ${process.versions.node}\n`;
    expect(await run(['--version'], {})).toEqual({ exitCode: 0, stdout, stderr: '' });
  });

  it.each([
    [['--chek-config'], 'unknown flag --chek-config'],
    [['--key=canary'], 'unknown flag --key'],
    [['-h'], 'unknown flag -h'],
    [['canary'], 'it takes flags only'],
    [['--dev', 'canary'], 'it takes flags only'],
    [['--help=canary'], '--help takes no value'],
    [['--online'], '--online needs --check-config'],
    [['--dev', '--online'], '--online needs --check-config'],
    [['--check-config', '--print-config'], '--check-config and --print-config exclude each other'],
    [['--dev', '--version'], '--dev and --version exclude each other'],
  ])('that is wrong is refused: %j', (flags, problem) => {
    expect(() => parseCommandLine(flags)).toThrow(new UsageError(problem));
  });

  it('that is wrong ends the program with one line and exit code 64', async () => {
    const stderr = 'Wrong command line: --online needs --check-config. See --help.\n';
    expect(await run(['--online'])).toEqual({ exitCode: 64, stdout: '', stderr });
  });

  it('--print-config prints the configuration, without secrets', async () => {
    const { exitCode, stdout, stderr } = await run(['--print-config']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^ADMIN_HOST=127\.0\.0\.1 # default\nADMIN_PORT=0 # environment\n/);
    expect(stdout).toContain('\nHUAWEICLOUD_SDK_SK=[redacted] # environment\n');
    expect(stdout).not.toContain(ENVIRONMENT['HUAWEICLOUD_SDK_SK']);
  });

  it('--print-config and --check-config report an invalid configuration as a start does', async () => {
    const environment = { ...ENVIRONMENT, PORT: 'canary', DLI_REGION: '', DLI_REGOIN: 'canary' };
    const problems = [
      'The gateway cannot start. Invalid configuration:',
      '  PORT must be a port number from 0 to 65535',
      '  DLI_REGION is required, for example cn-north-4',
      '  DLI_REGOIN is not a variable of the gateway; did you mean DLI_REGION?',
    ];
    const expected = { exitCode: 78, stdout: '', stderr: `${problems.join('\n')}\n` };
    for (const flags of [[], ['--print-config'], ['--check-config']])
      expect(await run(flags, environment)).toEqual(expected);
  });
});

describe('--check-config', () => {
  it('uses no network, opens no port and creates no folder', async () => {
    const upstream = await listen(createServer());
    const busy = await listen(createServer());
    const folder = join(newFolder(), 'records');
    const environment = { ...environmentFor(`http://${upstream.host}`), PORT: `${busy.port}`, DATA_DIR: folder };
    expect(await run(['--check-config'], environment)).toEqual({
      exitCode: 0,
      stdout: 'configuration is valid\n',
      stderr: '',
    });
    expect(upstream.connections()).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  it('prints warnings', async () => {
    const environment = { ...ENVIRONMENT, HOST: '0.0.0.0', LOG_LEVEL: 'error', OIDC_ISSUER_URL: 'canary' };
    expect(await check(environment)).toEqual({
      isOk: true,
      lines: [
        'warning: OIDC_ISSUER_URL is not a variable of the gateway; did you mean OIDC_ISSUER?',
        expect.stringMatching(/^warning: CALLER_AUTH=none: everyone who can reach this address /),
        'configuration is valid',
      ],
    });
  });

  it('checks trusted documents against the schema', async () => {
    const path = join(newFolder(), 'documents.json');
    writeFileSync(path, JSON.stringify({ canary1: '{ canary2 }' }));
    const refusal = await check({ ...ENVIRONMENT, TRUSTED_DOCUMENTS: path }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    const { problems } = refusal as ConfigError;
    expect(problems.map(({ key, rule }) => `${key} ${rule}`)).toEqual([
      expect.stringMatching(/^TRUSTED_DOCUMENTS holds a document that is refused, canary1/),
    ]);
    expect(JSON.stringify(problems)).not.toContain('canary2');
  });
});

describe('--check-config --online', () => {
  const FLAGS = ['--check-config', '--online'];
  const checkOnline = (environment: Environment) => check(environment, { isOnline: true });
  const issuerSettings = (url: string) => ({ CALLER_AUTH: 'jwt', OIDC_ISSUER: url, OIDC_AUDIENCE: AUDIENCE });

  it('tries the store, sign-in, DLI and the issuer once, and creates nothing', async () => {
    const { emulator, environment } = await startEmulator();
    const issuer = await startTokenIssuer();
    expect(await checkOnline({ ...environment, ...IAM_USER, ...issuerSettings(issuer.url) })).toEqual({
      isOk: true,
      lines: ['configuration is valid', 'ok store', 'ok sign-in', 'ok connections', 'ok issuer'],
    });
    expect(issuer.reads).toEqual({ discovery: 1, keys: 1 });
    expect(emulator.ledger.count('issueToken')).toBe(1);
    expect(emulator.ledger.count('listConnections')).toBe(1);
    expect(emulator.connections()).toEqual([]);
  });

  it('reports refused credentials, and does not sign in twice', async () => {
    const { emulator, environment } = await startEmulator();
    const stdout = 'configuration is valid\nok store\nfailed sign-in: CREDENTIAL_REFUSED\n';
    const result = await run(FLAGS, { ...environment, ...IAM_USER, IAM_PASSWORD: 'canary' });
    expect(result).toEqual({ exitCode: 69, stdout, stderr: '' });
    expect(emulator.ledger.count('issueToken')).toBe(1);
  });

  it('reports a refused signature with the code of DLI', async () => {
    const { environment } = await startEmulator();
    expect(await checkOnline({ ...environment, HUAWEICLOUD_SDK_SK: 'canary' })).toEqual({
      isOk: false,
      lines: ['configuration is valid', 'ok store', 'ok sign-in', 'failed connections: AUTH_FAILED, APIGW.0301'],
    });
  });

  it('reports DLI and an issuer that cannot be reached', async () => {
    const port = await closedPort();
    const environment = {
      ...environmentFor(`http://127.0.0.1:${port}`),
      ...issuerSettings(`http://127.0.0.1:${port}`),
    };
    expect(await checkOnline(environment)).toEqual({
      isOk: false,
      lines: [
        'configuration is valid',
        'ok store',
        'ok sign-in',
        'failed connections: UNAVAILABLE',
        'failed issuer: the issuer cannot be reached (ECONNREFUSED)',
      ],
    });
  });

  it('does not report an internal error as a failed issuer', async () => {
    const { environment } = await startEmulator();
    const settings = issuerSettings('https://issuer.example');
    const config = loadConfig({ DATA_DIR: newFolder(), ...environment, ...settings });
    const { tokens } = config.auth;
    const broken = { ...config, auth: { ...config.auth, tokens: { ...tokens, issuer: undefined } } };
    const lines: string[] = [];
    const checked = checkConfig(broken as unknown as typeof config, environment, true, line => lines.push(line));
    await expect(checked).rejects.toMatchObject({ name: 'TypeError' });
    expect(lines.at(-1)).toBe('ok connections');
  });

  it('accepts a region with one kind of connections', async () => {
    const { emulator, environment } = await startEmulator();
    emulator.inject({ operation: 'listConnections', status: 404, times: 2 });
    const { isOk, lines } = await checkOnline(environment);
    expect(isOk).toBe(true);
    expect(lines.at(-1)).toMatch(/^ok connections: not of the kind CLASSIC: [A-Z]+(?:, [\w.]+)?$/);
  });

  it('reports a folder that cannot be the store as an invalid configuration', async () => {
    const { environment } = await startEmulator();
    const { exitCode, stderr } = await run(FLAGS, { ...environment, DATA_DIR: '/dev/null/records' });
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(/\n {2}DATA_DIR the operation records cannot be kept .*ENOTDIR/);
  });

  describeWithProgram('redis-server', 'with Redis', program => {
    it('tries it', async () => {
      const { environment } = await startEmulator();
      const redis = await startRedisServer(program);
      const { isOk, lines } = await checkOnline({ ...environment, REDIS_URL: redis.url });
      expect(lines).toContain('ok store');
      expect(isOk).toBe(true);
    });

    it('reports that it cannot be reached, and still tries the rest', async () => {
      const { environment } = await startEmulator();
      const redisUrl = `redis://127.0.0.1:${await closedPort()}`;
      expect(await checkOnline({ ...environment, REDIS_URL: redisUrl })).toEqual({
        isOk: false,
        lines: ['configuration is valid', 'failed store: UNAVAILABLE', 'ok sign-in', 'ok connections'],
      });
    });
  });
});
