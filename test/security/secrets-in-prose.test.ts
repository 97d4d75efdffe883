import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY } from '../../src/emulator/emulator.js';
import { remove } from '../helpers/deletion.js';
import { enhancedCalls, POOL_A, POOL_B } from '../helpers/enhanced-gateway.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';
import type { Transport } from '../helpers/subscribers.js';
import { closeSubscribers, readAll, subscribe } from '../helpers/subscribers.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const ENHANCED_ID = '0b8a4c1e-5a06-4a54-8f0e-6f7c8f0d3a52';
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
  limits: { bindingRecheckMs: 60 },
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

function failedBinding(text: string): Partial<Fault>['body'] {
  return {
    is_success: true,
    id: ENHANCED_ID,
    status: 'ACTIVE',
    elastic_resource_pools: [{ name: POOL_A.name, status: 'FAILED', err_msg: text }],
  };
}

function refusalOf(operation: Fault['operation'], error_code: string): (text: string) => Fault {
  return text => ({ operation, status: 400, body: { error_code, error_msg: text } });
}

function watch(transport: Transport, id: string) {
  return ({ graphqlUrl }: TestGateway) =>
    readAll(
      subscribe(transport, graphqlUrl, {
        query: `subscription { datasourceConnection(id: "${id}") {
          queues { failureReason }
          ... on ClassicDatasourceConnection { failureReason }
          ... on EnhancedDatasourceConnection { bindings { failure { reason } } }
        } }`,
      }),
    );
}

function listBindings({ send }: TestGateway) {
  return send({
    query:
      '{ datasourceConnections { items { ... on EnhancedDatasourceConnection { bindings { failure { reason } } } } } }',
  });
}

/** One of the ways in which a text from DLI reaches a caller: the fault that sends it, and the caller's request. */
type Way = [way: string, fault: (text: string) => Fault, ask: (gateway: TestGateway) => Promise<unknown>];

const WAYS_OF_CLASSIC: Way[] = [
  [
    'the message of a create',
    text => ({ operation: 'createConnection', body: { connection_id: ID, message: text } }),
    ({ create }) => create({ name: freshName() }),
  ],
  ['the refusal of a create', refusalOf('createConnection', 'DLI.1028'), ({ create }) => create({ name: freshName() })],
  ['the refusal of a delete', refusalOf('deleteConnection', 'DLI.1028'), sender => remove(sender, ID)],
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
  ...(['graphql-ws', 'graphql-sse'] as const).map(
    (transport): Way => [
      `an event over ${transport}`,
      text => ({ operation: 'getConnection', body: failedConnection(text) }),
      watch(transport, ID),
    ],
  ),
];

const WAYS_OF_ENHANCED: Way[] = [
  [
    'the refusal of a create',
    refusalOf('createEnhancedConnection', 'DLI.1028'),
    sender => enhancedCalls(sender).createEnhanced({ name: freshName().replace('-', '_') }),
  ],
  [
    'the refusal of a bind',
    refusalOf('associateQueue', 'DLI.0012'),
    sender => enhancedCalls(sender).bind(ENHANCED_ID, POOL_B),
  ],
  [
    'the refusal of an unbind',
    refusalOf('disassociateQueue', 'DLI.0012'),
    sender => enhancedCalls(sender).unbind(ENHANCED_ID, POOL_A),
  ],
  [
    'the refusal of a delete',
    refusalOf('deleteEnhancedConnection', 'DLI.1028'),
    sender => enhancedCalls(sender).remove(ENHANCED_ID),
  ],
  [
    'a failed binding',
    text => ({ operation: 'getEnhancedConnection', body: failedBinding(text) }),
    sender => enhancedCalls(sender).read(ENHANCED_ID),
  ],
  [
    'a failed binding that is bound again',
    text => ({ operation: 'getEnhancedConnection', body: failedBinding(text) }),
    sender => enhancedCalls(sender).bind(ENHANCED_ID, POOL_A),
  ],
  [
    'a failed binding that prevents an unbind',
    text => ({ operation: 'getEnhancedConnection', body: failedBinding(text) }),
    sender => {
      sender.emulator.inject({ operation: 'disassociateQueue', error: 'DLI.0007' });
      return enhancedCalls(sender).unbind(ENHANCED_ID, POOL_A);
    },
  ],
  [
    'a list of failed bindings',
    text => ({
      operation: 'listEnhancedConnections',
      body: { is_success: true, count: 1, connections: [failedBinding(text)] },
    }),
    listBindings,
  ],
  ...['key', 'value'].map(
    (part): Way => [
      `the ${part} of a tag`,
      text => ({
        operation: 'listEnhancedConnectionTags',
        body: { tags: [{ key: 'key', value: 'value', [part]: text }], count: 1 },
      }),
      sender => connectionOf(sender, ENHANCED_ID),
    ],
  ),
  ...(['graphql-ws', 'graphql-sse'] as const).map(
    (transport): Way => [
      `an event over ${transport}`,
      text => ({ operation: 'getEnhancedConnection', body: failedBinding(text) }),
      watch(transport, ENHANCED_ID),
    ],
  ),
];

async function seenAfter(fault: Fault, ask: Way[2]): Promise<string> {
  const { emulator, log } = gateway();
  emulator.seedConnection({ connectionId: ID, state: 'ACTIVE' });
  const bindings = [{ kind: 'pool', name: POOL_A.name, status: 'ACTIVE' }] as const;
  emulator.seedEnhancedConnection({ connectionId: ENHANCED_ID, bindings });
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

describe.each([
  ['classic', WAYS_OF_CLASSIC],
  ['enhanced', WAYS_OF_ENHANCED],
])('of %s connections', (_kind, ways) => {
  describe.each(ways)('words of DLI in %s', (_way, fault, ask) => {
    it('are shown', async () => {
      expect(await seenAfter(fault(HARMLESS), ask)).toContain(HARMLESS);
    });

    it.each(Object.entries(USER))('are withheld if they contain the %s of the IAM user', async (_name, secret) => {
      const seen = await seenAfter(fault(`The account of ${secret.toUpperCase()} is locked.`), ask);
      expect(seen.toLowerCase()).not.toContain(secret.toLowerCase());
    });
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
