import type { Authentication } from './authentication.js';
import type { DliOperations } from './dli-operations.js';
import type { EnhancedOperations } from './enhanced-operations.js';
import { dliError, gatewayError, keystoneError } from './errors.js';
import type { IamOperations } from './iam-operations.js';
import type { EmulatorOptions } from './options.js';
import type { ResourceOperations } from './resource-operations.js';
import type { EmulatedResponse } from './respond.js';
import type { ReceivedRequest } from './server.js';

/** The emulated operations, as named in faults and in the ledger. */
export const OPERATIONS = [
  'createConnection',
  'getConnection',
  'listConnections',
  'deleteConnection',
  'createEnhancedConnection',
  'getEnhancedConnection',
  'listEnhancedConnections',
  'deleteEnhancedConnection',
  'associateQueue',
  'disassociateQueue',
  'listEnhancedConnectionTags',
  'getEnhancedConnectionPrivileges',
  'listElasticResourcePools',
  'listQueues',
  'issueToken',
  'listProjects',
] as const;

type Operation = (typeof OPERATIONS)[number];

/** An operation in the ledger; `unknown` for requests without a route. */
export type LedgerOperation = Operation | 'unknown';

/** The settings that decide whether a part of the API is offered. */
type Switch = 'classicOffered' | 'enhancedOffered' | 'poolsOffered';

/** Target of a request. */
export interface Route {
  readonly operation: LedgerOperation;
  /** Determines the format of errors. */
  readonly service: 'dli' | 'iam';
  readonly projectId: string;
  readonly connectionId: string;
  /** Undefined for IAM, which is always offered. */
  readonly offeredBy?: Switch | undefined;
}

const UNKNOWN_ROUTE: Route = { operation: 'unknown', service: 'dli', projectId: '', connectionId: '' };

const CLASSIC = '/v2.0/{projectId}/datasource-connection';
const ENHANCED = '/v2.0/{projectId}/datasource/enhanced-connections';
const ENHANCED_TAGS = '/v3/{projectId}/dli_enhanced_datasource/{connectionId}/tags';

type Endpoint = readonly [operation: Operation, method: string, path: string, offeredBy?: Switch];

const ENDPOINTS: readonly Endpoint[] = [
  ['createConnection', 'POST', CLASSIC, 'classicOffered'],
  ['listConnections', 'GET', CLASSIC, 'classicOffered'],
  ['getConnection', 'GET', `${CLASSIC}/{connectionId}`, 'classicOffered'],
  ['deleteConnection', 'DELETE', `${CLASSIC}/{connectionId}`, 'classicOffered'],
  ['createEnhancedConnection', 'POST', ENHANCED, 'enhancedOffered'],
  ['listEnhancedConnections', 'GET', ENHANCED, 'enhancedOffered'],
  ['getEnhancedConnection', 'GET', `${ENHANCED}/{connectionId}`, 'enhancedOffered'],
  ['deleteEnhancedConnection', 'DELETE', `${ENHANCED}/{connectionId}`, 'enhancedOffered'],
  ['associateQueue', 'POST', `${ENHANCED}/{connectionId}/associate-queue`, 'enhancedOffered'],
  ['disassociateQueue', 'POST', `${ENHANCED}/{connectionId}/disassociate-queue`, 'enhancedOffered'],
  ['getEnhancedConnectionPrivileges', 'GET', `${ENHANCED}/{connectionId}/privileges`, 'enhancedOffered'],
  ['listEnhancedConnectionTags', 'GET', ENHANCED_TAGS, 'enhancedOffered'],
  ['listElasticResourcePools', 'GET', '/v3/{projectId}/elastic-resource-pools', 'poolsOffered'],
  ['listQueues', 'GET', '/v1.0/{projectId}/queues', 'poolsOffered'],
  ['issueToken', 'POST', '/v3/auth/tokens'],
  ['listProjects', 'GET', '/v3/projects'],
  ['listProjects', 'GET', '/v3/auth/projects'],
];

/**
 * Finds the route of a method and an undecoded path without query; its operation is `unknown` if there is none.
 * One trailing slash is accepted, because some clients send the one that the signing rule adds.
 */
export function findRoute(method: string, path: string): Route {
  const segments = decodeSegments(path.endsWith('/') ? path.slice(0, -1) : path);
  if (segments === undefined) return UNKNOWN_ROUTE;
  for (const [operation, endpointMethod, template, offeredBy] of ENDPOINTS) {
    const ids = endpointMethod === method ? matchSegments(segments, template.split('/')) : undefined;
    const service = offeredBy === undefined ? 'iam' : 'dli';
    if (ids !== undefined) return { ...UNKNOWN_ROUTE, ...ids, operation, service, offeredBy };
  }
  return segments[1] === 'v3' ? { ...UNKNOWN_ROUTE, service: 'iam' } : UNKNOWN_ROUTE;
}

/** The values of the placeholders in a path template, or undefined if the path does not match. */
function matchSegments(segments: readonly string[], template: readonly string[]): Record<string, string> | undefined {
  if (segments.length !== template.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, expected] of template.entries()) {
    const segment = segments[index] ?? '';
    const placeholder = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (placeholder === undefined ? segment !== expected : segment === '') return undefined;
    if (placeholder !== undefined) values[placeholder] = segment;
  }
  return values;
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** A request with everything an operation needs. */
export interface Call {
  readonly request: ReceivedRequest;
  readonly route: Route;
  readonly authentication: Authentication;
  readonly requestId: string;
  /** Whether to build the response without changing any state. */
  readonly isDryRun: boolean;
}

/** The implementations of all operations. */
interface Implementations {
  readonly classic: DliOperations;
  readonly enhanced: EnhancedOperations;
  readonly resources: ResourceOperations;
  readonly iam: IamOperations;
}

/** Creates the function that executes a call, or returns the error of the component that refuses it. */
export function createDispatcher(options: EmulatorOptions, implementations: Implementations) {
  const { classic, enhanced, resources, iam } = implementations;
  const operations: Record<Operation, (call: Call) => EmulatedResponse> = {
    createConnection: call => classic.create(call),
    getConnection: call => classic.get(call),
    listConnections: call => classic.list(call),
    deleteConnection: call => classic.delete(call),
    createEnhancedConnection: call => enhanced.create(call),
    getEnhancedConnection: call => enhanced.get(call),
    listEnhancedConnections: call => enhanced.list(call),
    deleteEnhancedConnection: call => enhanced.delete(call),
    associateQueue: call => enhanced.associate(call),
    disassociateQueue: call => enhanced.disassociate(call),
    listEnhancedConnectionTags: call => enhanced.tags(call),
    getEnhancedConnectionPrivileges: call => enhanced.privileges(call),
    listElasticResourcePools: call => resources.listPools(call),
    listQueues: call => resources.listQueues(call),
    issueToken: call => iam.issueToken(call),
    listProjects: call => iam.listProjects(call),
  };
  return (call: Call): EmulatedResponse => {
    const { operation, offeredBy } = call.route;
    if (operation === 'unknown' || (offeredBy !== undefined && !options[offeredBy]))
      return gatewayError('APIGW.0101', call.requestId);
    // Only a request for a token needs no credentials.
    const refusal = operation === 'issueToken' ? undefined : refuse(call, options);
    return refusal ?? operations[operation](call);
  };
}

function refuse({ authentication, route, requestId }: Call, options: EmulatorOptions) {
  const { kind, principal, refusal } = authentication;
  if (refusal !== undefined)
    // The API gateway in front of IAM checks signatures; IAM itself checks tokens.
    return route.service === 'iam' && kind !== 'signature'
      ? keystoneError(401, 'The request you have made requires authentication.')
      : gatewayError(refusal.code, requestId, refusal.detail);
  if (route.service === 'iam') return undefined;
  // The code for a token without a project is not documented; this is the closest one.
  if (principal.kind === 'token' && principal.project === undefined) return dliError('DLI.10010');
  const projects = principal.kind === 'token' ? [principal.project] : options.projects;
  return projects.some(project => project?.id === route.projectId) ? undefined : dliError('DLI.10006');
}
