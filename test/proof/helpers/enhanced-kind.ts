import type { Emulator, Fault } from '../../../src/emulator/emulator.js';
import type { EnhancedPayload, ResourceInput } from '../../helpers/enhanced-gateway.js';
import { POOL_A, POOL_B, POOL_OVERLAPPING, QUEUE_DEDICATED, QUEUE_OF_POOL_A } from '../../helpers/enhanced-gateway.js';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { ConnectionKind, HeldConnection } from './connection-kind.js';
import { allEntries, digitsOf, UUID_TAIL } from './connection-kind.js';
import { bindFaults, getFaultsOf, listFaultsOf } from './fault-alphabet.js';

type Connection = ReturnType<Emulator['enhancedConnections']>[number];

/** The complete input of a create of an enhanced connection. */
export interface EnhancedInput {
  idempotencyKey: string;
  name: string;
  vpcId: string;
  networkId: string;
  resources: ResourceInput[];
  hosts: { name: string; ip: string }[];
  tags: { key: string; value: string }[];
}

const MUTATION = `
  mutation Create($input: CreateEnhancedDatasourceConnectionInput!) {
    payload: createEnhancedDatasourceConnection(input: $input) {
      __typename
      ... on CreateEnhancedDatasourceConnectionSuccess {
        connectionId reconciled recognisedBy notBound { kind name code message }
      }
      ... on OutcomeUnknownError { idempotencyKey reason requestId retryAfterSeconds }
      ... on UserError { message code }
    }
  }`;

const UNKNOWN_POOL = { kind: 'ELASTIC_RESOURCE_POOL', name: 'no_such_pool' };
const RESOURCES = [POOL_A, POOL_B, QUEUE_OF_POOL_A, QUEUE_DEDICATED, POOL_OVERLAPPING, UNKNOWN_POOL];
const MAX_RESOURCES = 3;
const SHARES = { hosts: 0.3, tags: 0.5 };
const RESOURCE_LIST_FAULTS: readonly Omit<Fault, 'operation'>[] = [
  { status: 500 },
  { behaviour: 'reset' },
  { behaviour: 'truncate', apply: true },
  { error: 'APIGW.0101' },
  { delayMs: 500 },
];

/** Enhanced connections, bound by their creates. */
export const ENHANCED: ConnectionKind<EnhancedInput> = {
  mutation: MUTATION,
  operation: 'createEnhancedConnection',
  otherFaults: [
    ...bindFaults(),
    ...listFaultsOf('listEnhancedConnections'),
    ...getFaultsOf('getEnhancedConnection'),
    ...RESOURCE_LIST_FAULTS.map((fault): Fault => ({ ...fault, operation: 'listElasticResourcePools' })),
    ...RESOURCE_LIST_FAULTS.map((fault): Fault => ({ ...fault, operation: 'listQueues' })),
  ],
  otherFaultShare: 0.7,
  killedAt: 'associateQueue',
  planInput,
  identify: ({ name, networkId }) => identify(name, networkId),
  identifyRequest(body) {
    const { name, dest_network_id: networkId } = JSON.parse(body) as { name: string; dest_network_id: string };
    return identify(name, networkId);
  },
  held(emulator) {
    const bound = boundNames(emulator);
    return emulator
      .enhancedConnections()
      .map(connection => describeHeld(connection, bound.get(connection.connectionId) ?? new Set()));
  },
};

function identify(name: string, networkId: string): string {
  return `${name} to ${networkId}`;
}

function planInput(random: Random, seed: string, number: number): EnhancedInput {
  const digits = digitsOf(number);
  const resources = new Set<ResourceInput>();
  for (let left = Math.floor(random() * (MAX_RESOURCES + 1)); left > 0; left -= 1)
    resources.add(pick(random, RESOURCES));
  return {
    idempotencyKey: `key-${seed}-${digits}-of-random-faults`,
    name: `e${seed}_${digits}`,
    vpcId: `${digits}-a${UUID_TAIL}`,
    networkId: `${digits}-b${UUID_TAIL}`,
    resources: [...resources],
    hosts: random() < SHARES.hosts ? [{ name: `node-${digits}`, ip: '192.168.0.22' }] : [],
    tags: random() < SHARES.tags ? [] : [{ key: 'number', value: digits }],
  };
}

/** The name that DLI binds for a resource: for a queue in a pool, that of the pool. */
export function boundAs({ name }: ResourceInput): string {
  return name === QUEUE_OF_POOL_A.name ? POOL_A.name : name;
}

/** The pools and queues that were actually bound, by connection. */
export function boundNames(emulator: Emulator): Map<string, Set<string>> {
  const bound = new Map<string, Set<string>>();
  for (const { appliedConnectionId: id, appliedResources = [] } of allEntries(emulator, 'associateQueue')) {
    if (id === undefined) continue;
    const names = bound.get(id) ?? new Set();
    for (const { name } of appliedResources) names.add(name);
    bound.set(id, names);
  }
  return bound;
}

function describeHeld(connection: Connection, bound: ReadonlySet<string>): HeldConnection<EnhancedInput> {
  const { connectionId, name, networkId, createdAtMs } = connection;
  return {
    connectionId,
    identity: identify(name, networkId),
    createdAtMs,
    contradictions: (input, success) => [
      ...(matchesInput(connection, input) ? [] : [`other fields ${JSON.stringify(connection)}`]),
      ...wrongBindings(input, success, bound),
    ],
  };
}

function matchesInput({ vpcId, networkId, hosts, tags }: Connection, input: EnhancedInput): boolean {
  const { vpcId: askedVpc, networkId: askedNetwork, hosts: askedHosts, tags: askedTags } = input;
  return (
    JSON.stringify([vpcId, networkId, hosts, tags]) === JSON.stringify([askedVpc, askedNetwork, askedHosts, askedTags])
  );
}

/** False claims about the bindings in a success. */
function wrongBindings(
  { resources }: EnhancedInput,
  { notBound = [] }: EnhancedPayload,
  bound: ReadonlySet<string>,
): string[] {
  const codeOf = (resource: ResourceInput) =>
    notBound.find(({ kind, name }) => kind === resource.kind && name === resource.name)?.code;
  const succeeded = new Set(resources.filter(resource => codeOf(resource) === undefined).map(boundAs));
  const wrong = resources.flatMap(resource => {
    const code = codeOf(resource);
    const name = boundAs(resource);
    if (code === undefined) return bound.has(name) ? [] : [`${resource.name} is not bound`];
    // A pool may be bound for one of its queues, or for itself.
    if (code === 'OUTCOME_UNKNOWN' || succeeded.has(name)) return [];
    return bound.has(name) ? [`${resource.name} is not unbound: ${code}`] : [];
  });
  const unasked = notBound.filter(entry => !resources.some(resource => isSame(entry, resource)));
  const isRepeated = new Set(notBound.map(({ kind, name }) => `${kind} ${name}`)).size < notBound.length;
  return [
    ...wrong,
    ...unasked.map(({ name }) => `${name} was not asked for`),
    ...(isRepeated ? ['a resource that is named twice'] : []),
  ];
}

function isSame(left: ResourceInput, right: ResourceInput): boolean {
  return left.kind === right.kind && left.name === right.name;
}
