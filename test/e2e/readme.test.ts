import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from '@jest/globals';
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

const CREATION_MS = 8_000;

describeWithProgram('curl', 'the documents', () => {
  const { PATH = '' } = process.env;
  let graphql: string;
  let emulator: string;

  beforeAll(async () => {
    const gateway = startGatewayProcess({ PATH, PORT: '0', ADMIN_PORT: '0' }, { arguments: ['--dev'] });
    [, graphql = ''] = await gateway.find(/GraphQL +http:\/\/(\S+)\/graphql/);
    [, emulator = ''] = await gateway.find(/Emulator +http:\/\/(\S+)/);
  });

  /** Runs a command against this gateway and emulator; returns its output. */
  async function run(command: string): Promise<string> {
    const script = `${DEFINITIONS}\n${command}`
      .replaceAll('127.0.0.1:4000', graphql)
      .replaceAll('127.0.0.1:4010', emulator);
    return (await promisify(execFile)('bash', ['--norc', '-c', script], { env: { PATH } })).stdout;
  }

  it('have examples with the printed responses, in order, in development mode', async () => {
    const answers: unknown[] = [];
    for (const { command } of EXAMPLES) answers.push(withoutIds(await run(command)));

    expect(EXAMPLES.length).toBeGreaterThan(6);
    expect(answers).toEqual(EXAMPLES.map(({ answer }) => withoutIds(answer)));
  });

  it('have a command that watches a connection to its final state', async () => {
    // Long enough to receive the first state on a slow machine; the examples may have set a shorter time.
    await fetch(`http://${emulator}/emulator/settings`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ creationMs: CREATION_MS }),
    });
    const stdout = await run(BLOCKS.find(({ text }) => text.includes('curl -sN'))?.text ?? '');
    const shown = [...stdout.matchAll(/^data: (\{.*\})$/gm)].map(
      ([, json = '']) => JSON.parse(json).data.datasourceConnection,
    );

    expect(shown.at(0)).toMatchObject({ state: 'CREATING', connectionAddress: null });
    expect(shown.at(-1)).toEqual({
      state: 'ACTIVE',
      progress: 1,
      connectionAddress: expect.stringMatching(/^to-rds-.*:5432$/),
    });
    expect(shown.length).toBeGreaterThan(2);
    expect(stdout).toMatch(/event: complete\s*(data:.*)?\s*$/);
  });

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
