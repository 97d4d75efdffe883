import { createUnionType, Field, ID, Int, ObjectType } from 'type-graphql';
import { ConnectionBusyError, ConnectionInUseError } from './binding-errors.payload.js';
import { DatasourceConnection } from './connection.type.js';
import {
  DliRejectedError,
  DliUnavailableError,
  OutcomeUnknownReason,
  REQUEST_ID_DESCRIPTION,
} from './create.payload.js';
import { InvalidInputError, UserError, UserErrorCode } from './user-errors.js';

/** The success member: the connection is deleted. */
@ObjectType({
  description: 'Returned when the connection is deleted. A repeat of the call gets the same answer for 72 hours.',
})
export class DeleteDatasourceConnectionSuccess {
  @Field(() => ID, { description: "The deleted connection's id." })
  readonly connectionId: string;

  @Field(() => DatasourceConnection, {
    nullable: true,
    description:
      'The deleted connection in state DELETED, otherwise as it was before, so that client caches can update their entry. null if a repeat of the call no longer finds it, or the caller may not read.',
  })
  readonly connection: DatasourceConnection | null;

  /** @param connection as it is shown after the delete, if it is known and the caller may read it */
  constructor(connectionId: string, connection: DatasourceConnection | null) {
    this.connectionId = connectionId;
    this.connection = connection;
  }
}

/** No connection has this id. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when there is no connection with this id: it never existed, or was deleted by someone else. A repeat of your own delete gets a success instead. For a bind or unbind, it may also be a classic connection.',
})
export class ConnectionNotFoundError extends UserError {
  @Field(() => ID, { description: 'The unknown id.' })
  readonly connectionId: string;

  constructor(connectionId: string, message = 'There is no connection of this id.') {
    super(UserErrorCode.CONNECTION_NOT_FOUND, message);
    this.connectionId = connectionId;
  }
}

/** The connection is still being created, so it cannot be deleted yet. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the connection is still being created, so that it cannot be deleted yet. This call deleted nothing.',
})
export class ConnectionCreatingError extends UserError {
  @Field(() => Int, {
    description: 'Seconds to wait before sending the same request again. The creation may take longer than that.',
  })
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(
      UserErrorCode.CONNECTION_CREATING,
      'The connection is still being created and cannot be deleted yet. Try again later.',
    );
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The connection may or may not have been deleted. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the connection may or may not have been deleted, for example because DLI did not answer in time. It is not a failure: repeat the call, which is safe because ids are never reused, to get the outcome.',
})
export class DeleteOutcomeUnknownError extends UserError {
  @Field(() => OutcomeUnknownReason, { description: 'Why the outcome is not known.' })
  readonly reason: OutcomeUnknownReason;

  @Field(() => Int, { description: 'Seconds to wait before repeating the call.' })
  readonly retryAfterSeconds: number;

  @Field(() => String, { nullable: true, description: REQUEST_ID_DESCRIPTION })
  readonly requestId: string | null;

  constructor(reason: keyof typeof OutcomeUnknownReason, requestId: string | null, retryAfterSeconds: number) {
    super(
      UserErrorCode.OUTCOME_UNKNOWN,
      'The connection may or may not have been deleted. Repeat the call to learn which.',
    );
    this.reason = OutcomeUnknownReason[reason];
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The payload union of `deleteDatasourceConnection`. */
export const DeleteDatasourceConnectionPayload = createUnionType({
  name: 'DeleteDatasourceConnectionPayload',
  description:
    'The result of `deleteDatasourceConnection`. Always select `... on UserError { message code }` too, which covers members that are added later.',
  types: () =>
    [
      DeleteDatasourceConnectionSuccess,
      InvalidInputError,
      ConnectionNotFoundError,
      ConnectionCreatingError,
      ConnectionBusyError,
      ConnectionInUseError,
      DliRejectedError,
      DliUnavailableError,
      DeleteOutcomeUnknownError,
    ] as const,
});
