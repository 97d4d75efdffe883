import { outcomeOf } from '../datasource-connection/mutation.js';
import type { FailureTexts } from '../datasource-connection/to-failure.js';
import { rejectionText, UNAVAILABLE_REASONS } from '../datasource-connection/to-failure.js';
import { toClassicCreatePayload, toCreateFailure } from '../datasource-connection/to-payload.js';
import { UserErrorCode } from '../datasource-connection/user-errors.js';
import type { ConnectionKind } from '../dli/connection.js';
import type { CreateOutcome } from '../idempotency/outcome.js';
import type { CreateEnhancedDatasourceConnectionPayload } from './create.payload.js';
import { CreateEnhancedDatasourceConnectionSuccess, ResourceNotBound } from './create.payload.js';
import { BINDING_REJECTIONS, NOT_OFFERED_REJECTIONS } from './rejections.js';

type CreatedOutcome = Extract<CreateOutcome, { kind: 'created' }>;
type NotBound = NonNullable<CreatedOutcome['notBound']>[number];

const CREATE_TEXTS: FailureTexts = {
  effect: 'Nothing was created',
  rejections: new Map([
    ...NOT_OFFERED_REJECTIONS,
    ['DLI.0001', 'DLI refused a parameter. Check the name, the ids, the hosts and the tags.'],
    ['DLI.0002', 'DLI cannot find the VPC, the subnet or the route table. Check vpcId, networkId and routeTableId.'],
    ['DLI.0009', 'A restriction of DLI forbids this connection.'],
    ['DLI.0012', 'A resource that the connection needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not create enhanced connections."],
    ['DLI.1028', 'The quota of datasource connections is used up.'],
  ]),
};

/**
 * The payload of a create of an enhanced connection.
 *
 * @param idempotencyKey the caller's key, or the generated one
 */
export function toCreatePayload(
  outcome: CreateOutcome,
  name: string,
  idempotencyKey: string,
): typeof CreateEnhancedDatasourceConnectionPayload {
  if (outcome.kind !== 'created') return toCreateFailure(outcome, name, idempotencyKey, CREATE_TEXTS);
  const { connectionId, isReconciled, recognisedBy = 'ANSWER', notBound = [] } = outcome;
  return new CreateEnhancedDatasourceConnectionSuccess(
    connectionId,
    isReconciled,
    recognisedBy,
    notBound.map(toResourceNotBound),
  );
}

/** Describes the outcome of a create of either kind for the log: the `__typename` of its payload, and its code. */
export function describeCreate(outcome: CreateOutcome, kind: ConnectionKind): ReturnType<typeof outcomeOf> {
  return outcomeOf((kind === 'ENHANCED' ? toCreatePayload : toClassicCreatePayload)(outcome, '', ''));
}

function toResourceNotBound({ kind, name, reason, upstreamCode }: NotBound): ResourceNotBound {
  const [code, message] = describeNotBound(reason, upstreamCode);
  return new ResourceNotBound(kind, name, code, message);
}

function describeNotBound(reason: NotBound['reason'], upstreamCode: string | null): [UserErrorCode, string] {
  switch (reason) {
    case 'NOT_FOUND':
      return [
        UserErrorCode.RESOURCE_NOT_FOUND,
        'DLI has no pool or queue of this name. Create it or correct the name, then bind it.',
      ];
    case 'BUSY':
      return [
        UserErrorCode.CONNECTION_BUSY,
        'DLI was still working on the connection, or on the pool or queue. Bind it later.',
      ];
    case 'REJECTED':
      return [
        UserErrorCode.UPSTREAM_REJECTED,
        `${rejectionText(upstreamCode ?? undefined, BINDING_REJECTIONS)} It is not bound. Remove the cause, then bind it.`,
      ];
    case 'UNKNOWN':
      return [
        UserErrorCode.OUTCOME_UNKNOWN,
        'It may or may not be bound. See the bindings of the connection, or bind it again, which is safe.',
      ];
    default: {
      const [code, why, isTemporary] = UNAVAILABLE_REASONS[reason];
      return [code, `${why} It is not bound. ${isTemporary ? 'Bind it later.' : 'Bind it once that is fixed.'}`];
    }
  }
}
