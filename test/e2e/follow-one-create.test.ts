import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { readDocument } from '../helpers/documents.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';

const DOCUMENT = readDocument('docs/operation.md');
const [, SECTION = ''] = /^## Follow one create\n(.*?)^## /ms.exec(DOCUMENT) ?? [];
const EXAMPLES = [...SECTION.matchAll(/^```sh\n(.*?)^```\n+```text\n(.*?)^```$/gms)];
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Ids differ at every run. */
const withoutIds = (text: string) => text.replace(UUID, 'UUID').replace(/[0-9a-f]{32}/g, 'ID');

describe('docs/operation.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-'));
  onCleanup(() => rmSync(folder, { recursive: true }));

  /** Runs a command where `gateway.log` is; returns its exit code and output. */
  function run(command: string): Promise<{ code: number; output: string }> {
    return new Promise(resolve => {
      execFile('bash', ['--norc', '-c', command], { cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
      );
    });
  }

  beforeAll(async () => {
    const emulator = createEmulator({ listLagMs: 3_600_000 });
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    // DLI creates the connection, answers with an error, and lists it only after the caller was answered.
    emulator.inject({ operation: 'createConnection', status: 500, apply: true });
    const gateway = startGatewayProcess({ ...environmentFor(url), RECONCILE_SETTLE_MS: '20000' });
    const { graphqlUrl } = await gateway.addresses();
    const traceparent = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
    const request = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
    await sendGraphql(graphqlUrl, request, { traceparent });
    // Another trace, which the commands must not show.
    await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name: 'other' } } });
    await fetch(`${url}/emulator/settings`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ listLagMs: 0 }),
    });
    await gateway.find(/"late":true/);
    writeFileSync(join(folder, 'gateway.log'), gateway.stdout());
  });

  it.each(EXAMPLES.map(([, command = '', output = ''], index) => ({ step: index + 1, command, output })))(
    'follows a create of unknown outcome by text search alone, step $step',
    async ({ command, output }) => {
      expect(withoutIds((await run(command)).output)).toBe(withoutIds(output));
    },
  );

  it('follows it in three steps', () => expect(EXAMPLES).toHaveLength(3));

  it.each([...DOCUMENT.matchAll(/`(grep [^`]+)`/g)].map(([, command = '']) => [command]))(
    'prints a command that runs: %s',
    async command => {
      // 1: nothing found.
      expect((await run(command)).code).toBeLessThan(2);
    },
  );
});
