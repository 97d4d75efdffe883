import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';

// The built program; `npm test` builds it before the tests.
const MAIN = new URL('../../dist/emulator/main.js', import.meta.url);

const COMMAND_LINES = ['--help', '--port', '-h', 'abc', '--help=abc', ''];
/** Runs the program with each command line in one process, as starting Node takes longest, and prints the results. */
const RUN_EACH = `
  const print = process.stdout.write.bind(process.stdout);
  let written;
  for (const stream of [process.stdout, process.stderr])
    stream.write = chunk => {
      written += chunk;
      return true;
    };
  const runs = [];
  for (const flag of ${JSON.stringify(COMMAND_LINES)}) {
    written = '';
    process.exitCode = 0;
    process.argv = [process.execPath, 'main.js', ...(flag === '' ? [] : [flag])];
    await import('${MAIN.href}?' + encodeURIComponent(flag));
    runs.push([flag, { code: process.exitCode, output: written }]);
  }
  print(JSON.stringify(runs));`;

function start(environment: Record<string, string>, values = [MAIN.pathname]) {
  const child = spawn(process.execPath, values, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  onCleanup(() => child.kill('SIGKILL'));
  return child;
}

describe('the emulator process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says how to reach it, serves, and stops cleanly on %s', async signal => {
    const child = start({ EMULATOR_PORT: '0', EMULATOR_REGION: 'cn-east-3' });
    const exit = once(child, 'exit');
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    while (!output.includes('DLI_REGION=cn-east-3')) await once(child.stdout, 'data');
    const endpoint = /DLI_ENDPOINT=(\S+)/.exec(output)?.[1];
    expect((await fetch(`${endpoint}/emulator/health`)).status).toBe(200);
    child.kill(signal);
    expect(await exit).toEqual([0, null]);
  });

  it('exits with 1 and one line if its port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const child = start({ EMULATOR_PORT: String(port) });
    const [[exitCode], stdout, stderr] = await Promise.all([
      once(child, 'close'),
      ...[child.stdout, child.stderr].map(stream => text(stream)),
    ]);
    expect([exitCode, `${stdout}${stderr}`]).toEqual([1, `Cannot listen on 127.0.0.1, port ${port}: EADDRINUSE\n`]);
    other.close();
  });
});

describe('the emulator with an invalid configuration', () => {
  let runs: Map<string, { code: number; output: string }>;
  let exitCode: unknown;

  beforeAll(async () => {
    const invalid = { EMULATOR_PORT: 'abc', EMULATOR_CREATION_MS: 'soon' };
    const child = start(invalid, ['--input-type=module', '--eval', RUN_EACH]);
    const closed = once(child, 'close');
    runs = new Map(JSON.parse(await text(child.stdout)));
    [exitCode] = await closed;
  });

  it('exits with 78 and names every invalid variable, but no value', () => {
    const { code, output = '' } = runs.get('') ?? {};
    expect([code, exitCode]).toEqual([78, 78]);
    expect(output).toMatch(/^EMULATOR_PORT must .*\nEMULATOR_CREATION_MS must .*\n$/);
    expect(output).not.toMatch(/abc|soon/);
  });

  it('explains its use with --help', () => {
    const { code, output = '' } = runs.get('--help') ?? {};
    expect(code).toBe(0);
    expect(output).toMatch(/^Usage: node dist\/emulator\/main\.js \[--help\]\n/);
    expect(output).toContain('docs/emulator.md');
  });

  it.each([['--port'], ['-h'], ['abc'], ['--help=abc']])('exits with 64 if the command line is wrong: %s', flag => {
    expect(runs.get(flag)).toEqual({ code: 64, output: 'Wrong command line: the only flag is --help.\n' });
  });
});
