import { Field, Int, ObjectType } from 'type-graphql';
import { ConnectionBinding } from './binding.type.js';
import { UserError, UserErrorCode } from './user-errors.js';

/** Bindings of the connection prevent DLI from changing it. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when DLI is still working on the connection, or a failed binding prevents the change. `message` names what this call did, if anything.',
})
export class ConnectionBusyError extends UserError {
  @Field(() => [ConnectionBinding], { description: 'The bindings that prevent the change.' })
  readonly bindings: readonly ConnectionBinding[];

  // Not `retryAfterSeconds`: the nullable field could not be selected beside the non-null ones of other members.
  @Field(() => Int, {
    nullable: true,
    description: 'Seconds to wait before sending the same request again; null if waiting does not help.',
  })
  readonly waitSeconds: number | null;

  constructor(message: string, bindings: readonly ConnectionBinding[], waitSeconds: number | null) {
    super(UserErrorCode.CONNECTION_BUSY, message);
    this.bindings = bindings;
    this.waitSeconds = waitSeconds;
  }
}

/** The connection is bound, but the caller wants it deleted only if it is unbound. */
@ObjectType({
  implements: UserError,
  description: 'Returned when pools or queues are bound and `ifUnbound` is set. Nothing was deleted.',
})
export class ConnectionInUseError extends UserError {
  @Field(() => [ConnectionBinding], { description: 'The pools and queues that are bound.' })
  readonly bindings: readonly ConnectionBinding[];

  constructor(bindings: readonly ConnectionBinding[]) {
    super(
      UserErrorCode.CONNECTION_IN_USE,
      'Pools or queues are bound to the connection, whose jobs would lose access to the data source. Nothing was deleted. Unbind them, or delete without ifUnbound.',
    );
    this.bindings = bindings;
  }
}
