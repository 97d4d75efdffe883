import type { Operation, Route } from './operation.js';

const UNKNOWN: Route = { operation: 'unknown', service: 'dli', projectId: '', connectionId: '' };

/**
 * The operation that a method and an undecoded path (without query) lead to; `unknown` when there is none.
 * One trailing slash is accepted, because the signing rule adds one and some clients then send it too.
 */
export function findRoute(method: string, path: string): Route {
  const segments = decodeSegments(path.endsWith('/') ? path.slice(0, -1) : path);
  if (segments === undefined) return UNKNOWN;
  const [root, version, ...rest] = segments;
  if (root !== '') return UNKNOWN;
  if (version === 'v3') return findIamRoute(method, rest.join('/'));
  const [projectId, collection, connectionId, ...more] = rest;
  if (version !== 'v2.0' || !projectId || collection !== 'datasource-connection' || more.length > 0)
    return UNKNOWN;
  if (connectionId === undefined) {
    const operation = ({ POST: 'createConnection', GET: 'listConnections' } as const)[method];
    return operation === undefined ? UNKNOWN : dliRoute(operation, projectId, '');
  }
  const operation = ({ GET: 'getConnection', DELETE: 'deleteConnection' } as const)[method];
  return operation === undefined || connectionId === ''
    ? UNKNOWN
    : dliRoute(operation, projectId, connectionId);
}

function dliRoute(operation: Operation, projectId: string, connectionId: string): Route {
  return { operation, service: 'dli', projectId, connectionId };
}

function findIamRoute(method: string, resource: string): Route {
  const target = `${method} ${resource}`;
  if (target === 'POST auth/tokens') return { ...UNKNOWN, operation: 'issueToken', service: 'iam' };
  if (target === 'GET projects' || target === 'GET auth/projects')
    return { ...UNKNOWN, operation: 'listProjects', service: 'iam' };
  return { ...UNKNOWN, service: 'iam' };
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
