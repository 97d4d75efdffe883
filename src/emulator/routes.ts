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

/** An emulated operation. */
type Operation = (typeof OPERATIONS)[number];

/** An operation in the ledger; `unknown` for requests without a route. */
export type LedgerOperation = Operation | 'unknown';

/** The service of an operation, which determines the format of its errors. */
type EmulatedService = 'dli' | 'iam';

/** Target of a request. */
export interface Route {
  readonly operation: LedgerOperation;
  readonly service: EmulatedService;
  readonly projectId: string;
  readonly connectionId: string;
}

const UNKNOWN_ROUTE: Route = { operation: 'unknown', service: 'dli', projectId: '', connectionId: '' };

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
  if (connectionId === undefined) {
    const operation = ({ POST: 'createConnection', GET: 'listConnections' } as const)[method];
    return operation === undefined ? UNKNOWN_ROUTE : dliRoute(operation, projectId, '');
  }
  const operation = ({ GET: 'getConnection', DELETE: 'deleteConnection' } as const)[method];
  return operation === undefined || connectionId === ''
    ? UNKNOWN_ROUTE
    : dliRoute(operation, projectId, connectionId);
}

function dliRoute(operation: Operation, projectId: string, connectionId: string): Route {
  return { operation, service: 'dli', projectId, connectionId };
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

/** Result of an operation. */
export interface Outcome {
  readonly response: EmulatedResponse;
  /** Id of the created or deleted connection; absent if nothing changed. */
  readonly appliedConnectionId?: string;
}

/** Authorises requests and dispatches them to their operations. */
export class Dispatcher {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly dli: DliOperations,
    private readonly iam: IamOperations,
  ) {}

  /** Executes a call, or returns the error of the component that refuses it. */
  dispatch(call: Call): Outcome {
    const { operation } = call.route;
    if (operation === 'unknown') return { response: gatewayError('APIGW.0101', call.requestId) };
    if (operation === 'issueToken') return this.iam.issueToken(call);
    const refusal = this.#refuse(call);
    if (refusal !== undefined) return { response: refusal };
    switch (operation) {
      case 'createConnection':
        return this.dli.create(call);
      case 'getConnection':
        return this.dli.get(call);
      case 'listConnections':
        return this.dli.list(call);
      case 'deleteConnection':
        return this.dli.delete(call);
      case 'listProjects':
        return this.iam.listProjects(call);
      default:
        return operation satisfies never;
    }
  }

  #refuse({ authentication, route, requestId }: Call): EmulatedResponse | undefined {
    const { kind, principal, refusal } = authentication;
    if (refusal !== undefined)
      // The API gateway in front of IAM checks signatures; IAM itself checks tokens.
      return route.service === 'iam' && kind !== 'signature'
        ? keystoneError(401, 'The request you have made requires authentication.')
        : gatewayError(refusal.code, requestId, refusal.detail);
    if (route.service === 'iam') return undefined;
    if (principal.kind === 'accessKey')
      return this.options.projects.some(project => project.id === route.projectId)
        ? undefined
        : dliError('DLI.10006');
    // The code for a token without a project is not documented; this is the closest one.
    if (principal.project === undefined) return dliError('DLI.10010');
    return principal.project.id === route.projectId ? undefined : dliError('DLI.10006');
  }
}
