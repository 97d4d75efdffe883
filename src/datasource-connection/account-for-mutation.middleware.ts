import { hash } from 'node:crypto';
import type { MiddlewareFn } from 'type-graphql';
import { UserError } from '../graphql/user-errors.js';
import { CreateDatasourceConnectionSuccess } from './create-datasource-connection.payload.js';
import { DeleteDatasourceConnectionSuccess } from './delete-datasource-connection.payload.js';
import type { RequestContext } from './request-context.js';

/** Leaves an account of a mutation in the context, for the audit. */
export const accountForMutation: MiddlewareFn<RequestContext> = async ({ context, args, info }, next) => {
  const begun = { operation: info.fieldName, inputFingerprint: fingerprintOf(args['input']) };
  context.account = begun;
  const payload: unknown = await next();
  context.account = { ...begun, ...endOf(payload) };
  return payload;
};

function endOf(payload: unknown) {
  const requestId = payload instanceof Object && 'requestId' in payload ? payload.requestId : undefined;
  return {
    ...(payload instanceof Object && { outcome: payload.constructor.name }),
    ...(payload instanceof UserError && { code: payload.code }),
    ...(isSuccess(payload) && { connectionId: payload.connectionId }),
    ...(typeof requestId === 'string' && { requestId }),
  };
}

function isSuccess(
  payload: unknown,
): payload is CreateDatasourceConnectionSuccess | DeleteDatasourceConnectionSuccess {
  return (
    payload instanceof CreateDatasourceConnectionSuccess ||
    payload instanceof DeleteDatasourceConnectionSuccess
  );
}

// Equal for equal inputs, in whatever order a caller writes the fields. The key of the call is no part of what is
// asked for, and whoever knows a key can ask for its story.
function fingerprintOf(input: unknown): string {
  return hash(
    'sha256',
    JSON.stringify(input, (key, value) => (key === 'idempotencyKey' ? undefined : sorted(value))),
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
