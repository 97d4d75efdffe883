import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from '@jest/globals';
import type { StoredConnection } from '../../src/emulator/connections.js';
import { readDocuments } from '../helpers/documents.js';
import { startGatewayProcess } from '../helpers/gateway-process.js';
import { describeWithProgram } from '../helpers/required-program.js';

const DOCUMENTS = readDocuments();
const BLOCKS = [...DOCUMENTS.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const DEFINITIONS = BLOCKS.filter(({ text }) => /^\w+\(\) \{$/m.test(text.split('\n', 1)[0] ?? ''))
  .map(({ text }) => text)
  .join('');
const EXAMPLES = BLOCKS.flatMap(({ language, text: command }, index) => {
  const answer = BLOCKS[index + 1];
  return language === 'sh' && answer?.language === 'json' ? [{ command, answer: answer.text }] : [];
});

const HOUR_MS = 3_600_000;
/** Connections stay CREATING, however slow the machine is, unless an example waits for the end of a creation. */
const ENVIRONMENT = {
  EMULATOR_CREATION_MS: String(HOUR_MS),
  EMULATOR_PEERING_MS: '200',
  FOLLOW_INTERVAL_MS: '100',
  READ_FRESHNESS_MS: '100',
};
const SHORT_CREATION_MS = 300;

describeWithProgram('curl', 'the documents', () => {
  const { PATH = '' } = process.env;
  let graphql: string;
  let emulator: string;

  beforeAll(async () => {
    const environment = { PATH, PORT: '0', ADMIN_PORT: '0', ...ENVIRONMENT };
    const gateway = startGatewayProcess(environment, { arguments: ['--dev'] });
    [, graphql = ''] = await gateway.find(/GraphQL +http:\/\/(\S+)\/graphql/);
    [, emulator = ''] = await gateway.find(/Emulator +http:\/\/(\S+)/);
  });

  /** Runs a command against this gateway and emulator. */
  function start(command: string) {
    const script = `${DEFINITIONS}\n${command}`
      .replaceAll('127.0.0.1:4000', graphql)
      .replaceAll('127.0.0.1:4010', emulator);
    return promisify(execFile)('bash', ['--norc', '-c', script], { env: { PATH } });
  }

  async function tellEmulator(method: 'PATCH' | 'POST', path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const url = `http://${emulator}/emulator/${path}`;
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
  }

  async function answerOf(command: string): Promise<unknown> {
    const waitsForCreation = command.includes('whileState: CREATING');
    if (waitsForCreation) await tellEmulator('PATCH', 'settings', { creationMs: SHORT_CREATION_MS });
    const { stdout } = await start(command);
    if (waitsForCreation) await tellEmulator('PATCH', 'settings', { creationMs: HOUR_MS });
    return withoutIds(stdout);
  }

  it('have examples with the printed responses, in order, in development mode', async () => {
    const answers: unknown[] = [];
    for (const { command } of EXAMPLES) answers.push(await answerOf(command));

    expect(EXAMPLES.length).toBeGreaterThan(6);
    expect(answers).toEqual(EXAMPLES.map(({ answer }) => withoutIds(answer)));
  });

  it('have a command that watches a connection to its final state', async () => {
    // The examples may have set a shorter time.
    await tellEmulator('PATCH', 'settings', { creationMs: HOUR_MS });
    const watching = start(BLOCKS.find(({ text }) => text.includes('curl -sN'))?.text ?? '');
    // The creation advances only once the command has shown its last state, so that it shows them all.
    const steps = [{ state: 'CREATING', process: 0.5 }, { state: 'ACTIVE' }];
    const shown: unknown[] = [];
    for await (const line of createInterface({ input: watching.child.stdout as Readable })) {
      const [, json] = /^data: (\{.*\})$/.exec(line) ?? [];
      if (json === undefined) continue;
      shown.push(JSON.parse(json).data.datasourceConnection);
      const step = steps.shift();
      if (step !== undefined) await tellEmulator('POST', 'connections', { ...(await watchedConnection()), ...step });
    }
    const { stdout } = await watching;

    expect(shown.at(0)).toMatchObject({ state: 'CREATING', connectionAddress: null });
    expect(shown.at(-1)).toEqual({
      state: 'ACTIVE',
      progress: 1,
      connectionAddress: expect.stringMatching(/^to-rds-.*:5432$/),
    });
    expect(shown.length).toBeGreaterThan(2);
    expect(stdout).toMatch(/event: complete\s*(data:.*)?\s*$/);
  });

  async function watchedConnection(): Promise<object> {
    const response = await fetch(`http://${emulator}/emulator/connections`);
    const { connections }: { connections: StoredConnection[] } = await response.json();
    const { connectionId, name, destination } = connections.find(({ name }) => name === 'watched_pg') ?? {};
    return { connectionId, name, destination };
  }

  it('list every member of the payload unions', () => {
    const members = [...DOCUMENTS.matchAll(/"__typename": "(\w+)"/g)].map(([, name]) => name);

    expect([...new Set(members)].sort()).toEqual([
      'BindDatasourceConnectionSuccess',
      'ChangeOutcomeUnknownError',
      'ConnectionBusyError',
      'ConnectionCreatingError',
      'ConnectionInUseError',
      'ConnectionNotFoundError',
      'ConnectionResourceNotFoundError',
      'CreateDatasourceConnectionSuccess',
      'CreateEnhancedDatasourceConnectionSuccess',
      'DeleteDatasourceConnectionSuccess',
      'DeleteOutcomeUnknownError',
      'DliRejectedError',
      'DliUnavailableError',
      'IdempotencyInProgressError',
      'IdempotencyKeyReusedError',
      'InvalidInputError',
      'NameTakenError',
      'OutcomeUnknownError',
      'UnbindDatasourceConnectionSuccess',
    ]);
  });
});

// Ids and remaining waits differ on every run.
function withoutIds(json: string): unknown {
  return JSON.parse(
    json
      .replace(/"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"UUID"')
      .replace(/"[0-9a-f]{32}"/g, '"ID"')
      .replace(/("reason":\s*"\w+",\s*"retryAfterSeconds":\s*)\d+/, '$10')
      .replace(/("IdempotencyInProgressError",\s*"retryAfterSeconds":\s*)\d+/, '$10'),
  );
}
