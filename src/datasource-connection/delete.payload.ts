import { createUnionType, Field, ID, Int, ObjectType } from 'type-graphql';
import {
  DliRejectedError,
  DliUnavailableError,
  OutcomeUnknownReason,
  REQUEST_ID_DESCRIPTION,
} from './create.payload.js';
import { InvalidInputError, UserError, UserErrorCode } from './user-errors.js';

/** The success member: the connection is deleted. */
@ObjectType({
  description:
    'Returned when the connection is deleted. A repeat of the call gets the same answer for 72 hours, although there is nothing left to delete.',
})
export class DeleteDatasourceConnectionSuccess {
  @Field(() => ID, { description: "The deleted connection's id." })
  readonly connectionId: string;

  constructor(connectionId: string) {
    this.connectionId = connectionId;
  }
}

/** No connection has this id. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when there is no connection of this id: there never was, or somebody else has deleted it. A caller that has asked to delete it gets a success instead.',
})
export class ConnectionNotFoundError extends UserError {
  @Field(() => ID, { description: 'The id that is not known.' })
  readonly connectionId: string;

  constructor(connectionId: string) {
    super(UserErrorCode.CONNECTION_NOT_FOUND, 'There is no connection of this id.');
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
    description: 'Seconds to wait before sending the same request again. It may be too early then too.',
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
    'Returned when the connection may or may not have been deleted, for example because DLI did not answer in time. It is not a failure: repeat the call, which is safe because ids are never used again, and learn how it ended.',
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
    'The answer of `deleteDatasourceConnection`. Always select `... on UserError { message code }` too, so that members added later cannot surprise you.',
  types: () =>
    [
      DeleteDatasourceConnectionSuccess,
      InvalidInputError,
      ConnectionNotFoundError,
      ConnectionCreatingError,
      DliRejectedError,
      DliUnavailableError,
      DeleteOutcomeUnknownError,
    ] as const,
});
