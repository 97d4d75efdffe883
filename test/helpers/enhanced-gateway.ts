import { setTimeout as delay } from 'node:timers/promises';
import type { Payload, TestGateway, TestGatewayOptions } from './gateway.js';
import { CREATE_ERRORS, startGateway } from './gateway.js';

/** A valid input of a create. */
export const VALID_ENHANCED_INPUT = {
  name: 'orders_vpc',
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};

/** The pools and queues that the emulator has by default. */
export const POOL_A = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' };
export const POOL_B = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_b' };
/** Its address range overlaps with that of every subnet. */
export const POOL_OVERLAPPING = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_overlapping' };
export const QUEUE_OF_POOL_A = { kind: 'QUEUE', name: 'queue_a1' };
export const QUEUE_DEDICATED = { kind: 'QUEUE', name: 'queue_dedicated' };

const PAUSE_MS = 250;
const BINDING = 'kind name state stateText updatedAt peeringId isOverdue failure { cause reason advice }';
const CONNECTION = `
  id kind name state isSettled readiness vpcId networkId isIpv6Enabled isShared hostCount hostsVersion
  queues { name state failureReason } bindings { ${BINDING} } routes { name cidr }`;

/** A create with every field of every member. */
export const CREATE_ENHANCED = `
  mutation Create($input: CreateEnhancedDatasourceConnectionInput!) {
    payload: createEnhancedDatasourceConnection(input: $input) {
      __typename
      ... on CreateEnhancedDatasourceConnectionSuccess {
        connectionId reconciled recognisedBy notBound { kind name code message }
        connection { ${CONNECTION} }
      }
      ${CREATE_ERRORS}
    }
  }`;

const CHANGE_ERRORS = `
  ... on InvalidInputError { problems { path code message limit } }
  ... on ConnectionNotFoundError { connectionId }
  ... on ConnectionBusyError { waitSeconds bindings { ${BINDING} } }
  ... on DliRejectedError { dliCode requestId }
  ... on DliUnavailableError { retryAfterSeconds }
  ... on ChangeOutcomeUnknownError { reason requestId retryAfterSeconds }
  ... on UserError { message code }`;

/** A bind with every field of every member. */
export const BIND = `
  mutation Bind($input: ConnectionResourcesInput!) {
    payload: bindDatasourceConnection(input: $input) {
      __typename
      ... on BindDatasourceConnectionSuccess { bindings { ${BINDING} } connection { ${CONNECTION} } }
      ... on ConnectionResourceNotFoundError { names }
      ${CHANGE_ERRORS}
    }
  }`;

/** An unbind with every field of every member. */
export const UNBIND = `
  mutation Unbind($input: ConnectionResourcesInput!) {
    payload: unbindDatasourceConnection(input: $input) {
      __typename
      ... on UnbindDatasourceConnectionSuccess { connection { ${CONNECTION} } }
      ${CHANGE_ERRORS}
    }
  }`;

const DELETE = `
  mutation Delete($input: DeleteDatasourceConnectionInput!) {
    payload: deleteDatasourceConnection(input: $input) {
      __typename
      ... on DeleteDatasourceConnectionSuccess { connectionId connection { id kind state } }
      ... on ConnectionNotFoundError { connectionId }
      ... on ConnectionInUseError { bindings { ${BINDING} } }
      ... on ConnectionBusyError { waitSeconds bindings { ${BINDING} } }
      ... on DliUnavailableError { retryAfterSeconds }
      ... on DeleteOutcomeUnknownError { reason retryAfterSeconds }
      ... on UserError { message code }
    }
  }`;

const READ = `
  query Read($id: ID!, $waitSeconds: Int, $untilBound: [ConnectionResourceInput!]) {
    datasourceConnection(id: $id, waitSeconds: $waitSeconds, untilBound: $untilBound) {
      __typename ... on EnhancedDatasourceConnection { ${CONNECTION} }
    }
  }`;

/** A binding in an answer. */
interface BindingAnswer {
  kind: string;
  name: string;
  state: string;
  failure: { cause: string; reason: string | null; advice: string } | null;
}

/** An enhanced connection in an answer. */
interface ConnectionAnswer {
  id: string;
  readiness: string;
  isSettled: boolean;
  bindings: BindingAnswer[];
}

/** A payload of the mutations of enhanced connections, with the fields of all members. */
export interface EnhancedPayload extends Payload {
  recognisedBy?: string;
  notBound?: { kind: string; name: string; code: string; message: string }[];
  connection?: ConnectionAnswer | null;
  bindings?: BindingAnswer[];
  names?: string[];
  waitSeconds?: number | null;
}

/** A pool or queue in an input. */
export interface ResourceInput {
  kind: string;
  name: string;
}

/** The mutations and reads of enhanced connections through one endpoint. */
export interface EnhancedCalls {
  createEnhanced(changes?: Record<string, unknown>): Promise<EnhancedPayload>;
  bind(connectionId: string, ...resources: ResourceInput[]): Promise<EnhancedPayload>;
  unbind(connectionId: string, ...resources: ResourceInput[]): Promise<EnhancedPayload>;
  remove(id: string, changes?: Record<string, unknown>): Promise<EnhancedPayload>;
  read(id: string, wait?: { waitSeconds: number; untilBound?: ResourceInput[] }): Promise<ConnectionAnswer | null>;
}

/** The mutations and reads of a gateway. */
export function enhancedCalls({ send }: Pick<TestGateway, 'send'>): EnhancedCalls {
  const call = async (query: string, variables: object) => {
    const { body } = await send({ query, variables });
    if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
    return body.data ?? {};
  };
  const mutate = async (query: string, input: object) => (await call(query, { input }))['payload'] as EnhancedPayload;
  return {
    createEnhanced: (changes = {}) => mutate(CREATE_ENHANCED, { ...VALID_ENHANCED_INPUT, ...changes }),
    bind: (connectionId, ...resources) => mutate(BIND, { connectionId, resources }),
    unbind: (connectionId, ...resources) => mutate(UNBIND, { connectionId, resources }),
    remove: (id, changes = {}) => mutate(DELETE, { id, ...changes }),
    read: async (id, wait = { waitSeconds: 0 }) =>
      (await call(READ, { id, ...wait }))['datasourceConnection'] as ConnectionAnswer | null,
  };
}

/** Starts a gateway on an emulator that makes bindings at once. */
export async function startEnhancedGateway(options: TestGatewayOptions = {}): Promise<TestGateway & EnhancedCalls> {
  const gateway = await startGateway({ ...options, emulator: { peeringMs: 0, ...options.emulator } });
  return { ...gateway, ...enhancedCalls(gateway) };
}

/** Repeats a create while it is in progress elsewhere. */
export async function createUntilDecided(
  { createEnhanced }: Pick<EnhancedCalls, 'createEnhanced'>,
  input: Record<string, unknown>,
): Promise<EnhancedPayload> {
  for (;;) {
    const payload = await createEnhanced(input);
    if (payload.__typename !== 'IdempotencyInProgressError') return payload;
    await delay(PAUSE_MS);
  }
}
