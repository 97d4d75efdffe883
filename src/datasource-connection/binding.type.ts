import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { ReadBinding } from '../connection-reads/connection-snapshot.js';
import { ConnectionReadiness } from '../connection-reads/readiness.js';
import { BindingFailureCause, ConnectionState, isOverdue, ResourceKind, stateOfWireName } from '../dli/connection.js';
import type { DescribedBinding } from '../dli/responses.js';
import { DateTime, dateOf } from './date-time.js';

const REBIND = 'Then delete the connection and create it again, because DLI does not release a failed binding.';

/** Advice on a failed binding, by its cause. */
const ADVICE: Readonly<Record<BindingFailureCause, string>> = {
  CIDR_OVERLAP: `Use a pool or queue whose address range overlaps neither with the VPC of the data source nor with another pool or queue that is bound. A pool keeps its range for life, and the default range 172.16.0.0/12 overlaps with many VPCs, so this may take a new pool with another range. ${REBIND}`,
  AGENCY_PERMISSION_MISSING: `Have an administrator of the account add the permission "DLI Datasource Connections Agency Access" to the agency dli_management_agency, in DLI's console under Global Configuration, Service Authorization. ${REBIND}`,
  NETWORK_NOT_FOUND: `Check in the VPC console that the VPC, the subnet and its route table still exist, and that networkId is the network id of the subnet. ${REBIND}`,
  ROUTE_CONFLICT: `Remove the route that leads to the address range of the pool or queue from the route table of the subnet, or use another route table. ${REBIND}`,
  NETWORK_QUOTA: `Have the quotas of VPC peering connections and of routes raised, or delete peerings and routes that are not used. ${REBIND}`,
  OTHER: `Check the reason, the address ranges on both sides and the quotas of the VPC. ${REBIND} If it fails again, contact Huawei Cloud's support with the id of the peering.`,
};

/** Why a binding failed. */
@ObjectType('BindingFailure', { description: 'Why a binding failed, and what to do.' })
class BindingFailure {
  @Field(() => BindingFailureCause, { description: "The kind of cause, as far as DLI's reason shows it." })
  readonly cause: BindingFailureCause;

  @Field(() => String, {
    nullable: true,
    description: "DLI's reason; null if there is none, or it cannot be shown.",
  })
  readonly reason: string | null;

  @Field(() => String, { description: 'What to do, in English, for people.' })
  readonly advice: string;

  constructor({ cause, problem }: DescribedBinding) {
    this.cause = cause ?? BindingFailureCause.OTHER;
    this.reason = problem;
    this.advice = ADVICE[this.cause];
  }
}

/** A pool or queue that an enhanced connection is bound to. */
@ObjectType('ConnectionBinding', {
  description: 'A pool or queue that a connection is bound to, by a VPC peering of its own.',
})
export class ConnectionBinding {
  @Field(() => ResourceKind, { description: 'What the connection is bound to.' })
  readonly kind: ResourceKind;

  @Field(() => String, { description: 'The name of the pool or queue, in lower case.' })
  readonly name: string;

  @Field(() => ConnectionState, { description: 'The state of the binding: CREATING, ACTIVE or FAILED.' })
  readonly state: ConnectionState;

  @Field(() => String, { nullable: true, description: "DLI's own name for the state." })
  readonly stateText: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the state last changed; null if DLI does not report it.',
  })
  readonly updatedAt: Date | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the VPC peering; null if DLI does not report it. The connection breaks if the peering is deleted in the VPC console.',
  })
  readonly peeringId: string | null;

  @Field(() => BindingFailure, { nullable: true, description: 'Why the binding failed; null if it did not.' })
  readonly failure: BindingFailure | null;

  @Field(() => Boolean, {
    description:
      'Whether the binding has been CREATING for 15 minutes or longer, which is unusual: a pool or queue that is new or being scaled may be the reason. If it does not end, contact the support of Huawei Cloud with `peeringId`.',
  })
  readonly isOverdue: boolean;

  constructor(binding: ReadBinding) {
    const { kind, name, state, updatedAtMs, peeringId, isOverdue } = binding;
    this.kind = kind;
    this.name = name ?? '';
    this.state = stateOfWireName(state);
    this.stateText = state;
    this.updatedAt = dateOf(updatedAtMs);
    this.peeringId = peeringId;
    this.failure = this.state === ConnectionState.FAILED ? new BindingFailure(binding) : null;
    this.isOverdue = isOverdue;
  }
}

/** The bindings that an outcome names. `nowMs`: milliseconds since 1970-01-01 UTC. */
export function toBindings(bindings: readonly DescribedBinding[], nowMs: number): ConnectionBinding[] {
  return bindings.map(binding => new ConnectionBinding({ ...binding, isOverdue: isOverdue(binding, null, nowMs) }));
}

registerEnumType(BindingFailureCause, {
  name: 'BindingFailureCause',
  description: 'Why a binding failed. Values may be added.',
  valuesConfig: {
    CIDR_OVERLAP: {
      description:
        "The address range of the pool or queue overlaps with the data source's, or with that of another one that is bound.",
    },
    AGENCY_PERMISSION_MISSING: {
      description:
        'DLI may not read or change the VPC, because its agency lacks the permission for datasource connections.',
    },
    NETWORK_NOT_FOUND: { description: 'The VPC, the subnet or its route table no longer exists.' },
    ROUTE_CONFLICT: { description: 'A route prevents the binding.' },
    NETWORK_QUOTA: { description: 'A quota of the VPC service is used up, such as that of peerings or routes.' },
    OTHER: { description: 'The cause is none of these, or unknown.' },
  },
});

registerEnumType(ConnectionReadiness, {
  name: 'ConnectionReadiness',
  description: 'Whether jobs can use an enhanced connection, by the states of its bindings. Values may be added.',
  valuesConfig: {
    UNBOUND: { description: 'Nothing is bound, so no job can use the connection yet.' },
    BINDING: { description: 'No binding is ACTIVE, and not all of them are FAILED.' },
    READY: {
      description: 'Every binding is ACTIVE. Security groups may still block the traffic.',
    },
    PARTLY_READY: { description: 'Some bindings are ACTIVE, others are not.' },
    FAILED: { description: 'Every binding is FAILED.' },
    DELETED: { description: 'The connection was deleted.' },
  },
});
