import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { readDocument } from '../helpers/documents.js';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { NOT_LISTED_YET, startIdempotencyGateway } from '../helpers/idempotency-gateway.js';

const DOCUMENT = readDocument('docs/operation.md');
const [, SECTION = ''] = /^## Follow one create\n(.*?)^## /ms.exec(DOCUMENT) ?? [];
const EXAMPLES = [...SECTION.matchAll(/^```sh\n(.*?)^```\n+```text\n(.*?)^```$/gms)];
const SETTLE_MS = 60_000;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Ids differ on every run. */
const withoutIds = (text: string) => text.replace(UUID, 'UUID').replace(/[0-9a-f]{32}/g, 'ID');

describe('docs/operation.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'follow-'));
  onCleanup(() => rmSync(folder, { recursive: true }));

  /** Runs a command in the folder of `gateway.log`; returns its exit code and output. */
  function run(command: string): Promise<{ code: number; output: string }> {
    return new Promise(resolve => {
      execFile('bash', ['--norc', '-c', command], { cwd: folder }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
      );
    });
  }

  beforeAll(async () => {
    const { emulator, send, create, logged, log, advance } = await startIdempotencyGateway({
      env: { LOG_LEVEL: 'info', OPERATION_TIMEOUT_MS: '5000', RECONCILE_SETTLE_MS: String(SETTLE_MS) },
    });
    // DLI creates the connection, answers with an error, and lists it only after the caller was answered.
    emulator.inject({ operation: 'createConnection', status: 500, apply: true });
    emulator.inject(NOT_LISTED_YET);
    const traceparent = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
    await send({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } }, { traceparent });
    // Another trace, which the commands must not show.
    await create({ name: 'other' });
    emulator.clearFaults();
    // Past the first read in the background, but not past the settle time.
    advance(SETTLE_MS / 3);
    await logged('"late":true');
    writeFileSync(join(folder, 'gateway.log'), log());
  });

  it.each(EXAMPLES.map(([, command = '', output = ''], index) => ({ step: index + 1, command, output })))(
    'follows a create with an unknown outcome by text search alone, step $step',
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
