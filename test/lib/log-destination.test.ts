import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { withLogPipe } from '../helpers/log-pipe.js';

const LINES = 2_000;
/** Less than all lines together, more than a pipe buffers. */
const MAX_BYTES = 100_000;
const MODULE = new URL('../../dist/lib/log-destination.js', import.meta.url).href;

/** Writes lines faster than they can be read, and prints on stderr how many were dropped. */
const WRITE_LINES = `
  import { once } from 'node:events';
  import { LogDestination } from '${MODULE}';
  const log = new LogDestination(process.stdout, ${MAX_BYTES});
  for (let number = 0; number < ${LINES}; number += 1)
    log.write(JSON.stringify({ number, channel: process.env.CHANNEL, text: 'x'.repeat(100) }) + '\\n');
  process.stderr.write(JSON.stringify(log.dropped) + '\\n');`;
const EXIT = `
  await log.end();
  process.exit(log.finish() ? 74 : 0);`;

/** Runs a module with its output to a pipe or a file. */
function run(source: string, stdout: number, channel = 'audit') {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    env: { CHANNEL: channel },
    stdio: ['pipe', stdout, 'pipe'],
  });
  onCleanup(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit').then(([code]) => code as number);
  return { input: child.stdin as Writable, errors: child.stderr as Readable, exited };
}

/** Runs a module with its output to a pipe that nobody reads yet. */
function runUnread(source: string, channel?: string) {
  return withLogPipe(stdout => run(source, stdout, channel));
}

describe('a log destination whose reader is slow', () => {
  it.each([
    ['audit', 74],
    ['other', 0],
  ])('drops whole lines, says how many, and after a loss on the channel %s exits with %i', async (channel, code) => {
    const { reader, exited, errors } = runUnread(WRITE_LINES + EXIT, channel);
    const said = text(errors);
    const lines = (await text(reader))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    const dropped = JSON.parse(await said);

    expect(await exited).toBe(code);
    expect(dropped).toEqual({ lines: expect.any(Number), auditLines: channel === 'audit' ? dropped.lines : 0 });
    expect(dropped.lines).toBeGreaterThan(0);
    expect(lines.slice(0, -1).map(({ number }) => number)).toEqual(
      Array.from({ length: LINES - dropped.lines }, (_, number) => number),
    );
    expect(lines.at(-1)).toEqual({
      level: 40,
      time: expect.any(Number),
      operation: 'log',
      outcome: 'DROPPED',
      total: dropped.lines,
      msg: 'log lines dropped',
    });
  });

  it('reports how many lines are missing as soon as there is room again', async () => {
    const { errors, reader } = runUnread(`${WRITE_LINES} await once(process.stdin, 'data');`);
    await once(errors, 'data');
    let read = '';
    for await (const chunk of reader.setEncoding('utf8')) {
      read += chunk;
      if (read.includes('log lines dropped')) break;
    }
    expect(read).toContain('"msg":"log lines dropped"');
  });
});

describe('a log destination that nobody reads', () => {
  it.each([
    ['audit', 74],
    ['other', 0],
  ])('lets the process end, and after a loss on the channel %s exits with %i', async (channel, code) => {
    const { exited } = runUnread(WRITE_LINES + EXIT, channel);
    expect(await exited).toBe(code);
  });

  it('counts lines as dropped if their writes fail, for example on a full disk', async () => {
    const { exited, errors } = run(
      `${WRITE_LINES} await log.end();
      process.stderr.write(JSON.stringify(log.dropped) + '\\n'); ${EXIT}`,
      openSync('/dev/full', 'w'),
    );
    const [, atEnd = ''] = (await text(errors)).split('\n');
    expect(await exited).toBe(74);
    // The line that reports the loss is lost, too.
    expect(JSON.parse(atEnd)).toEqual({ lines: LINES + 1, auditLines: LINES });
  });
});

describe('a log destination whose reader dies', () => {
  it('continues with the next reader on a new line, and reports how many lines are missing', async () => {
    const { input, errors, reader, reopen } = runUnread(`
      import { LogDestination } from '${MODULE}';
      const log = new LogDestination(process.stdout);
      let number = 0;
      process.stdin.on('data', async () => {
        number += 1;
        log.write(JSON.stringify({ number }) + '\\n');
        await log.end();
        process.stderr.write('.');
      });`);
    const write = async () => {
      const done = once(errors, 'data');
      input.write('.');
      await done;
    };
    reader.destroy();
    await once(reader, 'close');
    await write();
    await write();
    const read = once(reopen(), 'data');
    await write();

    expect(String(await read)).toMatch(/^\n\{"number":3\}\n/);
    const [, ...lines] = String(await read).split('\n');
    expect(lines[1]).toMatch(/"total":3,"msg":"log lines dropped"\}$/);
  });
});
