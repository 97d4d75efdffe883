import { createUnionType, Field, Int, ObjectType } from 'type-graphql';
import { ConnectionBinding } from '../datasource-connection/binding.type.js';
import { ConnectionBusyError } from '../datasource-connection/binding-errors.payload.js';
import {
  DliRejectedError,
  DliUnavailableError,
  OutcomeUnknownReason,
  REQUEST_ID_DESCRIPTION,
} from '../datasource-connection/create.payload.js';
import { ConnectionNotFoundError } from '../datasource-connection/delete.payload.js';
import { InvalidInputError, UserError, UserErrorCode } from '../datasource-connection/user-errors.js';
import { EnhancedDatasourceConnection } from './connection.type.js';

/** The success member of a bind. */
@ObjectType({
  description:
    'Returned when the connection is bound to everything in the input, now or before. A new binding takes minutes to become ACTIVE. One that has FAILED counts too: to bind it again does not repair it.',
})
export class BindDatasourceConnectionSuccess {
  @Field(() => [ConnectionBinding], {
    description: 'The bindings of the pools and queues in the input. A queue of a pool is shown as its pool.',
  })
  readonly bindings: readonly ConnectionBinding[];

  @Field(() => EnhancedDatasourceConnection, { description: 'The connection.' })
  readonly connection: EnhancedDatasourceConnection;

  constructor(bindings: readonly ConnectionBinding[], connection: EnhancedDatasourceConnection) {
    this.bindings = bindings;
    this.connection = connection;
  }
}

/** The success member of an unbind. */
@ObjectType({ description: 'Returned when nothing in the input is bound any more.' })
export class UnbindDatasourceConnectionSuccess {
  @Field(() => EnhancedDatasourceConnection, { description: 'The connection.' })
  readonly connection: EnhancedDatasourceConnection;

  constructor(connection: EnhancedDatasourceConnection) {
    this.connection = connection;
  }
}

/** A pool or queue does not exist. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when a pool or queue of the input does not exist. Nothing was bound by this call, unless `message` says so.',
})
export class ConnectionResourceNotFoundError extends UserError {
  @Field(() => [String], { description: 'The unknown names, in lower case.' })
  readonly names: readonly string[];

  constructor(message: string, names: readonly string[]) {
    super(UserErrorCode.RESOURCE_NOT_FOUND, message);
    this.names = names;
  }
}

/** The change may or may not have been made. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the change may or may not have been made, for example because DLI did not answer in time. It is not a failure: repeat the call, which is safe, to get the outcome.',
})
export class ChangeOutcomeUnknownError extends UserError {
  @Field(() => OutcomeUnknownReason, { description: 'Why the outcome is not known.' })
  readonly reason: OutcomeUnknownReason;

  @Field(() => Int, { description: 'Seconds to wait before repeating the call.' })
  readonly retryAfterSeconds: number;

  @Field(() => String, { nullable: true, description: REQUEST_ID_DESCRIPTION })
  readonly requestId: string | null;

  constructor(
    message: string,
    reason: keyof typeof OutcomeUnknownReason,
    requestId: string | null,
    retryAfterSeconds: number,
  ) {
    super(UserErrorCode.OUTCOME_UNKNOWN, message);
    this.reason = OutcomeUnknownReason[reason];
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The payload union of `bindDatasourceConnection`. */
export const BindDatasourceConnectionPayload = createUnionType({
  name: 'BindDatasourceConnectionPayload',
  description:
    'The result of `bindDatasourceConnection`. Always select `... on UserError { message code }` too, which covers members that are added later.',
  types: () =>
    [
      BindDatasourceConnectionSuccess,
      InvalidInputError,
      ConnectionNotFoundError,
      ConnectionResourceNotFoundError,
      ConnectionBusyError,
      DliRejectedError,
      DliUnavailableError,
      ChangeOutcomeUnknownError,
    ] as const,
});

/** The payload union of `unbindDatasourceConnection`. */
export const UnbindDatasourceConnectionPayload = createUnionType({
  name: 'UnbindDatasourceConnectionPayload',
  description:
    'The result of `unbindDatasourceConnection`. Always select `... on UserError { message code }` too, which covers members that are added later.',
  types: () =>
    [
      UnbindDatasourceConnectionSuccess,
      InvalidInputError,
      ConnectionNotFoundError,
      ConnectionBusyError,
      DliRejectedError,
      DliUnavailableError,
      ChangeOutcomeUnknownError,
    ] as const,
});
