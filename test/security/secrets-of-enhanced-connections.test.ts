import { describe, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { sendDelete } from '../helpers/deletion.js';
import {
  BIND,
  CREATE_ENHANCED,
  POOL_A,
  POOL_B,
  QUEUE_DEDICATED,
  UNBIND,
  VALID_ENHANCED_INPUT,
} from '../helpers/enhanced-gateway.js';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { CONNECTION_FIELDS } from '../helpers/read-connections.js';
import { freshName } from '../helpers/shared-gateway.js';
import type { Faults } from './helpers/upstream-faults.js';
import {
  CREDENTIALS,
  EVERYTHING,
  expectNoLeaks,
  messagesWith,
  QUICK_FAULTS,
  shareSentinelGateway,
} from './helpers/upstream-faults.js';

type Operation = Fault['operation'];
type Send = (gateway: TestGateway, id: string) => Promise<GraphqlAnswer>;

/** A request, the operation of DLI that it needs, and what the faults of its calls have in common. */
type Call = [what: string, operation: Operation, send: Send, more?: Partial<Fault>];

const QUEUE_BOUND = { kind: 'QUEUE', name: 'queue_old' };
const TAGS = [{ key: 'team', value: 'billing' }];
const FIELDS = `${CONNECTION_FIELDS}
  ... on EnhancedDatasourceConnection {
    bindings { name state failure { cause reason } } routes { name cidr } hosts { items { name ip } }
  }`;

const read: Send = ({ send }, id) =>
  send({ query: `query ($id: ID!) { datasourceConnection(id: $id) { ${FIELDS} } }`, variables: { id } });

const list: Send = ({ send }) => send({ query: `{ datasourceConnections { items { ${FIELDS} } unavailableKinds } }` });

const create: Send = ({ send }) => {
  const resources = [POOL_A, QUEUE_DEDICATED];
  const input = { ...VALID_ENHANCED_INPUT, name: freshName().replace('-', '_'), tags: TAGS, resources };
  return send({ query: CREATE_ENHANCED, variables: { input } });
};

function change(query: string, ...resources: { kind: string; name: string }[]): Send {
  return ({ send }, connectionId) => send({ query, variables: { input: { connectionId, resources } } });
}

const CALLS: Call[] = [
  // Found at once, because a search in the background could end in the next test, and be refused for its old signature.
  ['a create', 'createEnhancedConnection', create, { apply: true }],
  ['a create that binds', 'associateQueue', create],
  ['a read', 'getEnhancedConnection', read],
  // The first call reads the connection.
  ['a read of hosts', 'getEnhancedConnection', read, { skip: 1 }],
  ['a read of tags', 'listEnhancedConnectionTags', read],
  ['a list', 'listEnhancedConnections', list],
  ['a bind', 'associateQueue', change(BIND, POOL_B, QUEUE_DEDICATED)],
  // Other calls than those of a read.
  ['a bind', 'getEnhancedConnection', change(BIND, POOL_B)],
  ['a bind', 'listElasticResourcePools', change(BIND, POOL_B)],
  ['a bind', 'listQueues', change(BIND, QUEUE_DEDICATED)],
  ['an unbind', 'disassociateQueue', change(UNBIND, POOL_A, QUEUE_BOUND)],
  ['a delete', 'deleteEnhancedConnection', sendDelete],
];

const SLOW_OPERATIONS: [which: string, operations: Operation[]][] = [
  // The lists of pools and queues may be read for longer than a request waits for them.
  ['reads of connections', ['getEnhancedConnection', 'listEnhancedConnections']],
  // Last, because it leaves a search in the background.
  [
    'changes and reads of tags',
    [
      'createEnhancedConnection',
      'associateQueue',
      'disassociateQueue',
      'deleteEnhancedConnection',
      'listEnhancedConnectionTags',
    ],
  ],
];

/** Fields of success responses that do not have their documented type, or hold what may not be shown. */
const ODD_FIELDS = {
  [EVERYTHING]: EVERYTHING,
  count: EVERYTHING,
  routes: [EVERYTHING],
  hosts: [EVERYTHING],
  tags: [EVERYTHING, { key: EVERYTHING, value: '' }, { key: 'team', value: EVERYTHING }],
  available_queue_info: [EVERYTHING, { name: 'q', status: 'FAILED', err_msg: EVERYTHING }],
  elastic_resource_pools: [EVERYTHING, { name: 'p', status: 'FAILED', err_msg: EVERYTHING }],
  queues: [EVERYTHING, { queue_name: { [EVERYTHING]: EVERYTHING } }],
};

/** Successes whose fields are odd, and whose lists have this connection. */
function oddSuccesses(id: string): Faults {
  const connection = { ...ODD_FIELDS, id, name: 'c', status: 'ACTIVE' };
  return [
    ['gets odd fields', { body: { ...connection, is_success: true, count: 1, connections: [connection] } }],
    [
      'gets objects for lists',
      {
        body: {
          ...Object.fromEntries(Object.keys(ODD_FIELDS).map(name => [name, { [EVERYTHING]: EVERYTHING }])),
          id,
          status: 'ACTIVE',
          is_success: true,
          connections: [EVERYTHING],
        },
      },
    ],
    ['gets a message', { body: { is_success: true, message: EVERYTHING } }],
  ];
}

const ODD_SUCCESSES = oddSuccesses('').map(([how], index) => [how, index] as const);

/** A connection with bindings, hosts and tags. */
function seed(emulator: Emulator): string {
  return emulator.seedEnhancedConnection({
    bindings: [
      { kind: 'pool', name: POOL_A.name, status: 'ACTIVE' },
      { kind: 'queue', name: QUEUE_BOUND.name, status: 'ACTIVE' },
    ],
    hostCount: 1,
    tags: TAGS,
  }).connectionId;
}

// What differs by credential is signing in, which the tests of classic connections cover for both.
const COVERED = CREDENTIALS.slice(0, proofSize(1, CREDENTIALS.length));

describe.each(COVERED)('with %s, no secret and no text of DLI is returned or logged when', (_kind, env) => {
  const gateway = shareSentinelGateway(env);

  describe.each(CALLS)('%s calls %s, which', (_what, operation, send, more = {}) => {
    const expectNoLeaksWith = (id: string, fault: Partial<Fault>) =>
      expectNoLeaks(gateway(), [{ operation, ...more, ...fault }], async () => [await send(gateway(), id)]);

    it.each(QUICK_FAULTS)('%s', async (_how, fault) => {
      await expectNoLeaksWith(seed(gateway().emulator), fault);
    });

    it.each(ODD_SUCCESSES)('%s', async (_how, index) => {
      const id = seed(gateway().emulator);
      const [, fault] = oddSuccesses(id)[index] ?? [];
      await expectNoLeaksWith(id, fault ?? {});
    });
  });

  it.each(messagesWith(env))('a create calls createEnhancedConnection, which %s', async (_how, fault) => {
    const faults: Fault[] = [{ operation: 'createEnhancedConnection', ...fault }];
    await expectNoLeaks(gateway(), faults, async () => [await create(gateway(), '')]);
  });

  // At once, because each of them lasts until the timeout of the operation.
  it.each(SLOW_OPERATIONS)('%s get slow responses', async (_which, operations) => {
    const faults = operations.map((operation): Fault => ({ operation, behaviour: 'drip', body: EVERYTHING }));
    const { emulator } = gateway();
    await expectNoLeaks(gateway(), faults, () =>
      Promise.all(
        CALLS.filter(([, operation]) => operations.includes(operation)).map(([, , send]) =>
          send(gateway(), seed(emulator)),
        ),
      ),
    );
  });
});
