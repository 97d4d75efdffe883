import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY } from '../../src/emulator/emulator.js';
import { remove } from '../helpers/deletion.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';
import type { Transport } from '../helpers/subscribers.js';
import { closeSubscribers, readAll, subscribe } from '../helpers/subscribers.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const USER = { name: 'quiet operator', password: 'correct horse battery staple', domainName: 'Example-Holding' };
const HARMLESS = 'Ask the support for more.';

const USER_ENV = {
  HUAWEICLOUD_SDK_AK: undefined,
  HUAWEICLOUD_SDK_SK: undefined,
  IAM_USERNAME: USER.name,
  IAM_DOMAIN_NAME: USER.domainName,
};

const gateway = shareGateway({
  env: { ...USER_ENV, IAM_PASSWORD: USER.password, FOLLOW_INTERVAL_MS: '100' },
  emulator: { users: [USER] },
});

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

function failedConnection(text: string): Partial<Fault>['body'] {
  return {
    is_success: true,
    connection_id: ID,
    state: 'FAILED',
    message: text,
    available_queue_info: [{ name: 'q', status: 'FAILED', err_msg: text }],
  };
}

function watch(transport: Transport) {
  return ({ graphqlUrl }: TestGateway) =>
    readAll(
      subscribe(transport, graphqlUrl, {
        query: `subscription { datasourceConnection(id: "${ID}") {
          queues { failureReason } ... on ClassicDatasourceConnection { failureReason }
        } }`,
      }),
    );
}

/** Every way in which a text from DLI reaches a caller: the fault that sends it, and the caller's request. */
const WAYS: [way: string, fault: (text: string) => Fault, ask: (gateway: TestGateway) => Promise<unknown>][] = [
  [
    'the message of a create',
    text => ({ operation: 'createConnection', body: { connection_id: ID, message: text } }),
    ({ create }) => create({ name: freshName() }),
  ],
  [
    'the refusal of a create',
    text => ({ operation: 'createConnection', status: 400, body: { error_code: 'DLI.1028', error_msg: text } }),
    ({ create }) => create({ name: freshName() }),
  ],
  [
    'the refusal of a delete',
    text => ({ operation: 'deleteConnection', status: 400, body: { error_code: 'DLI.1028', error_msg: text } }),
    sender => remove(sender, ID),
  ],
  [
    'an unsuccessful delete',
    text => ({ operation: 'deleteConnection', body: { is_success: false, message: text } }),
    sender => remove(sender, ID),
  ],
  [
    'a connection',
    text => ({ operation: 'getConnection', body: failedConnection(text) }),
    sender => connectionOf(sender, ID),
  ],
  [
    'a list',
    text => ({
      operation: 'listConnections',
      body: { is_success: true, count: 1, connections: [failedConnection(text)] },
    }),
    sender => pageOf(sender),
  ],
  ...(['graphql-ws', 'graphql-sse'] as const).map((transport): (typeof WAYS)[number] => [
    `an event over ${transport}`,
    text => ({ operation: 'getConnection', body: failedConnection(text) }),
    watch(transport),
  ]),
];

async function seenAfter(fault: Fault, ask: (typeof WAYS)[number][2]): Promise<string> {
  const { emulator, log } = gateway();
  emulator.seedConnection({ connectionId: ID, state: 'ACTIVE' });
  emulator.inject({ times: 0, ...fault });
  const logBefore = log().length;
  const response = await ask(gateway());
  return `${JSON.stringify(response)}\n${log().slice(logBefore)}`;
}

it.each([
  ['is shown where a longer word begins with a credential', 'Ask the quiet operators.', 'Ask the quiet operators.'],
  ['is withheld where Chinese letters follow a credential', 'Example-Holding的账户已锁定。', ''],
])('a message %s', async (_behaviour, text, shown) => {
  const { emulator, create } = gateway();
  emulator.inject({ operation: 'createConnection', body: { connection_id: ID, message: text } });
  expect((await create({ name: freshName() })).message).toBe(shown);
});

it('a security token of many thousand letters does not prevent texts from being checked', async () => {
  const securityToken = 'aB3'.repeat(5_000);
  const { emulator, create } = await startGateway({
    env: { HUAWEICLOUD_SDK_SECURITY_TOKEN: securityToken },
    emulator: { accessKeys: [{ accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY, securityToken }] },
  });
  emulator.inject({ operation: 'createConnection', body: { connection_id: ID, message: HARMLESS } });
  expect(await create()).toMatchObject({ connectionId: ID, message: HARMLESS });
});

it.each([
  ['is not logged if it contains a credential', `${USER.domainName}!2024`, false],
  ['is not logged if it is a credential', USER.domainName, false],
  ['is logged if it contains none', 'Elsewhere-Holding', true],
])('the code of a refusal %s', async (_behaviour, code, isLogged) => {
  const { emulator, create, log } = gateway();
  const logBefore = log().length;
  emulator.inject({ operation: 'createConnection', status: 400, body: { error_code: code } });
  await create({ name: freshName() });
  expect(log().slice(logBefore).includes('-Holding')).toBe(isLogged);
});

describe.each(WAYS)('words of DLI in %s', (_way, fault, ask) => {
  it('are shown', async () => {
    expect(await seenAfter(fault(HARMLESS), ask)).toContain(HARMLESS);
  });

  it.each(Object.entries(USER))('are withheld if they contain the %s of the IAM user', async (_name, secret) => {
    const seen = await seenAfter(fault(`The account of ${secret.toUpperCase()} is locked.`), ask);
    expect(seen.toLowerCase()).not.toContain(secret.toLowerCase());
  });
});

it('words of DLI are withheld if they contain a password that was replaced, or the one that replaced it', async () => {
  const next = 'twelve silent oxen';
  const secrets = createSecretFolder({ IAM_PASSWORD: USER.password });
  const users = [USER];
  const rotating = await startGateway({ env: { ...USER_ENV, ...secrets.env }, emulator: { users } });
  const recorded = { name: freshName(), idempotencyKey: 'e6a3e2b0-6b0c-4a0e-9a5c-0f3b6a7c1d21' };
  const early = `Now it is ${next}.`;
  rotating.emulator.inject({ operation: 'createConnection', body: { connection_id: ID, message: early } });
  expect((await rotating.create(recorded)).message).toBe(early);
  users[0] = { ...USER, password: next };
  secrets.swap({ IAM_PASSWORD: next });
  await rotating.logged('credentials replaced');
  const messages: unknown[] = [];
  for (const text of [HARMLESS, `It was ${USER.password}.`, early]) {
    rotating.emulator.inject({ operation: 'createConnection', body: { connection_id: ID, message: text } });
    messages.push((await rotating.create({ name: freshName() })).message);
  }
  expect(messages).toEqual([HARMLESS, '', '']);
  expect(await rotating.create(recorded)).toMatchObject({ connectionId: ID, message: '' });
});
