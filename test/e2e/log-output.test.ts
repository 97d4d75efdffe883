import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { withLogPipe } from '../helpers/log-pipe.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';

// Nothing listens there; refused inputs are not sent.
const ENVIRONMENT = environmentFor('http://127.0.0.1:9');
const REFUSED = { query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name: '' } } };
const MUTATIONS = 3;

/** Starts a gateway whose log is read until it listens, and no further. */
async function startOnPipe(preload = '') {
  const gateway = withLogPipe(stdout => startGatewayProcess(ENVIRONMENT, { stdout, preload }));
  const { graphqlUrl } = JSON.parse(await findLine(gateway.reader, /"msg":"listening"/));
  return { ...gateway, graphqlUrl: graphqlUrl as string };
}

async function findLine(reader: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  for (;;) {
    const found = text.split('\n').find(line => pattern.test(line) && line.endsWith('}'));
    if (found !== undefined) return found;
    text += String((await once(reader, 'data'))[0]);
    reader.pause();
    if (!pattern.test(text)) reader.resume();
  }
}

/** Sends mutations, each of which writes a line of the audit log. */
async function sendRefused(graphqlUrl: string, times = MUTATIONS): Promise<void> {
  for (let sent = 0; sent < times; sent += 1) expect((await sendGraphql(graphqlUrl, REFUSED)).status).toBe(200);
}

describe('a gateway whose log nobody reads', () => {
  /** Starts a gateway whose pipe is full. */
  async function startOnFullPipe(preload = '') {
    const gateway = await startOnPipe(preload);
    await gateway.fill();
    return gateway;
  }

  it('keeps serving, ends on SIGTERM, and reports lost lines of the audit log with exit code 74', async () => {
    const { graphqlUrl, signal, end, stderr } = await startOnFullPipe();
    await sendRefused(graphqlUrl);
    signal('SIGTERM');
    expect(await end()).toBe(74);
    expect(stderr()).toBe('');
  });

  it('ends at once on a second signal', async () => {
    const { graphqlUrl, signal, end } = await startOnFullPipe();
    await sendRefused(graphqlUrl);
    signal('SIGTERM');
    signal('SIGINT');
    expect(await end()).toBe(74);
  });

  it('ends because of a bug', async () => {
    const { graphqlUrl, signal, end } = await startOnFullPipe(`process.on('SIGUSR2', () => { throw new Error(); });`);
    await sendRefused(graphqlUrl);
    signal('SIGUSR2');
    expect(await end()).toBe(70);
  });
});

describe('a gateway whose log reader has died', () => {
  it.each([
    ['lost lines of the audit log', 1, 74],
    ['nothing but other lines', 0, 0],
  ])('keeps serving, and ends on SIGTERM after %s (%i) with %i', async (_what, mutations, code) => {
    const { graphqlUrl, reader, signal, end, stderr } = await startOnPipe();
    reader.destroy();
    await once(reader, 'close');
    await sendRefused(graphqlUrl, mutations);
    expect((await sendGraphql(graphqlUrl, { query: '{ __typename }' })).status).toBe(200);
    signal('SIGTERM');
    expect(await end()).toBe(code);
    expect(stderr()).toBe('');
  });
});

describe('a gateway whose log is a file', () => {
  it('writes all lines to it', async () => {
    const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-log-'));
    onCleanup(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'log');
    const gateway = startGatewayProcess(ENVIRONMENT, { stdout: openSync(path, 'w') });
    while (!readFileSync(path, 'utf8').includes('"listening"')) await new Promise(resolve => setTimeout(resolve, 20));
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line).msg)).toEqual([
      expect.stringMatching(/^Server listening at /),
      'listening',
      'stopping',
      'stopped',
    ]);
  });
});
