import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';

// The built program; `npm test` builds it before the tests.
const MAIN = fileURLToPath(new URL('../../dist/emulator/main.js', import.meta.url));

const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(environment: Record<string, string>, flags: string[] = []) {
  const child = spawn(process.execPath, [MAIN, ...flags], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output.text += chunk.toString();
    });
  return { child, output };
}

describe('the emulator process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says how to reach it, serves, and stops cleanly on %s', async signal => {
    const { child, output } = start({ EMULATOR_PORT: '0', EMULATOR_REGION: 'cn-east-3' });
    const exit = once(child, 'exit');
    while (!output.text.includes('DLI_REGION=cn-east-3')) await once(child.stdout, 'data');
    const endpoint = /DLI_ENDPOINT=(\S+)/.exec(output.text)?.[1];
    expect((await fetch(`${endpoint}/emulator/health`)).status).toBe(200);
    child.kill(signal);
    expect(await exit).toEqual([0, null]);
  });

  it('exits with 78 and names every invalid variable, but no value', async () => {
    const { child, output } = start({ EMULATOR_PORT: 'abc', EMULATOR_CREATION_MS: 'soon' });
    expect(await once(child, 'close')).toEqual([78, null]);
    expect(output.text).toMatch(/^EMULATOR_PORT must .*\nEMULATOR_CREATION_MS must .*\n$/);
    expect(output.text).not.toMatch(/abc|soon/);
  });

  it('explains its use with --help', async () => {
    const { child, output } = start({ EMULATOR_PORT: 'abc' }, ['--help']);
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output.text).toMatch(/^Usage: node dist\/emulator\/main\.js \[--help\]\n/);
    expect(output.text).toContain('docs/emulator.md');
  });

  it.each([['--port'], ['-h'], ['abc'], ['--help=abc']])(
    'exits with 64 if the command line is wrong: %s',
    async flag => {
      const { child, output } = start({ EMULATOR_PORT: '0' }, [flag]);
      expect(await once(child, 'close')).toEqual([64, null]);
      expect(output.text).toBe('Wrong command line: the only flag is --help.\n');
    },
  );

  it('exits with 1 and one line if its port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { child, output } = start({ EMULATOR_PORT: String(port) });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(output.text).toBe(`Cannot listen on 127.0.0.1, port ${port}: EADDRINUSE\n`);
    other.close();
  });
});
