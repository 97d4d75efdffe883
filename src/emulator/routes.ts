import type { Authentication } from './authentication.js';
import type { DliOperations } from './dli-operations.js';
import { dliError, gatewayError, keystoneError } from './errors.js';
import type { IamOperations } from './iam-operations.js';
import type { EmulatorOptions } from './options.js';
import type { EmulatedResponse } from './respond.js';
import type { ReceivedRequest } from './server.js';

/** The emulated operations, as named in faults and in the ledger. */
export const OPERATIONS = [
  'createConnection',
  'getConnection',
  'listConnections',
  'deleteConnection',
  'issueToken',
  'listProjects',
] as const;

type Operation = (typeof OPERATIONS)[number];

/** An operation in the ledger; `unknown` for requests without a route. */
export type LedgerOperation = Operation | 'unknown';

/** Target of a request. */
export interface Route {
  readonly operation: LedgerOperation;
  /** Determines the format of errors. */
  readonly service: 'dli' | 'iam';
  readonly projectId: string;
  readonly connectionId: string;
}

const UNKNOWN_ROUTE: Route = { operation: 'unknown', service: 'dli', projectId: '', connectionId: '' };

const COLLECTION_OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['POST', 'createConnection'],
  ['GET', 'listConnections'],
]);
const CONNECTION_OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['GET', 'getConnection'],
  ['DELETE', 'deleteConnection'],
]);

/**
 * Finds the route of a method and an undecoded path without query; its operation is `unknown` if there is none.
 * One trailing slash is accepted, because some clients send the one that the signing rule adds.
 */
export function findRoute(method: string, path: string): Route {
  const segments = decodeSegments(path.endsWith('/') ? path.slice(0, -1) : path);
  if (segments === undefined) return UNKNOWN_ROUTE;
  const [root, version, ...rest] = segments;
  if (root !== '') return UNKNOWN_ROUTE;
  if (version === 'v3') return findIamRoute(method, rest.join('/'));
  const [projectId, collection, connectionId, ...more] = rest;
  if (version !== 'v2.0' || !projectId || collection !== 'datasource-connection' || more.length > 0)
    return UNKNOWN_ROUTE;
  const operations = connectionId === undefined ? COLLECTION_OPERATIONS : CONNECTION_OPERATIONS;
  const operation = operations.get(method);
  if (operation === undefined || connectionId === '') return UNKNOWN_ROUTE;
  return { operation, service: 'dli', projectId, connectionId: connectionId ?? '' };
}

function findIamRoute(method: string, resource: string): Route {
  const target = `${method} ${resource}`;
  if (target === 'POST auth/tokens') return { ...UNKNOWN_ROUTE, operation: 'issueToken', service: 'iam' };
  if (target === 'GET projects' || target === 'GET auth/projects')
    return { ...UNKNOWN_ROUTE, operation: 'listProjects', service: 'iam' };
  return { ...UNKNOWN_ROUTE, service: 'iam' };
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

/** Creates the function that executes a call, or returns the error of the component that refuses it. */
export function createDispatcher(options: EmulatorOptions, dli: DliOperations, iam: IamOperations) {
  const operations: Record<Operation, (call: Call) => EmulatedResponse> = {
    createConnection: call => dli.create(call),
    getConnection: call => dli.get(call),
    listConnections: call => dli.list(call),
    deleteConnection: call => dli.delete(call),
    issueToken: call => iam.issueToken(call),
    listProjects: call => iam.listProjects(call),
  };
  return (call: Call): EmulatedResponse => {
    const { operation } = call.route;
    if (operation === 'unknown') return gatewayError('APIGW.0101', call.requestId);
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
