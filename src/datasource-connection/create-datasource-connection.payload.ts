import { createUnionType, Field, ID, Int, ObjectType } from 'type-graphql';
import { InvalidInputError } from '../user-error/invalid-input-error.type.js';
import { UserError } from '../user-error/user-error.type.js';
import { UserErrorCode } from '../user-error/user-error-code.enum.js';

const REQUEST_ID_DESCRIPTION = "Huawei Cloud's id of the request, for its support; null when it gave none.";

/** DLI accepted the connection. */
@ObjectType({
  description:
    'Returned when DLI accepted the connection. DLI then works on it for a while before it can be used.',
})
export class CreateDatasourceConnectionSuccess {
  @Field(() => ID, { description: "The new connection's id." })
  readonly connectionId: string;

  @Field(() => String, {
    nullable: true,
    description:
      "DLI's hint; null when it gave none. Beside `... on UserError { message }` select it under an alias, such as `hint: message`: GraphQL does not merge a nullable and a non-null field.",
  })
  readonly message: string | null;

  constructor(connectionId: string, message: string | null) {
    this.connectionId = connectionId;
    this.message = message;
  }
}

/** The name is in use. */
@ObjectType({
  implements: UserError,
  description: 'Returned when a connection of this name exists already. Nothing was created.',
})
export class NameTakenError extends UserError {
  @Field(() => String, { description: 'The name that is taken.' })
  readonly name: string;

  constructor(name: string) {
    super(UserErrorCode.NAME_CONFLICT, 'A connection of this name exists already. Choose another name.');
    this.name = name;
  }
}

/** DLI said no for good. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when DLI refused the request. Nothing was created, and the same request will be refused again until its cause is removed.',
})
export class DliRejectedError extends UserError {
  @Field(() => String, {
    nullable: true,
    description: "DLI's error code, such as `DLI.0001`; null when it gave none.",
  })
  readonly dliCode: string | null;

  @Field(() => String, { nullable: true, description: REQUEST_ID_DESCRIPTION })
  readonly requestId: string | null;

  constructor(message: string, dliCode: string | null, requestId: string | null) {
    super(UserErrorCode.UPSTREAM_REJECTED, message);
    this.dliCode = dliCode;
    this.requestId = requestId;
  }
}

/** The codes that tell kinds of unavailability apart. */
export type UnavailableCode =
  | UserErrorCode.UPSTREAM_UNAVAILABLE
  | UserErrorCode.UPSTREAM_THROTTLED
  | UserErrorCode.UPSTREAM_AUTH_FAILED
  | UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE
  | UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE;

/** Not now. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the request could not be carried out now. Nothing was created; the same request may succeed later.',
})
export class DliUnavailableError extends UserError {
  @Field(() => Int, { description: 'Seconds to wait before sending the same request again.' })
  readonly retryAfterSeconds: number;

  constructor(code: UnavailableCode, message: string, retryAfterSeconds: number) {
    super(code, message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The idempotency key is in use. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the idempotency key was used with another input, or its first call is still running; `code` tells which. This call created nothing.',
})
class IdempotencyConflictError extends UserError {
  constructor(
    code: UserErrorCode.IDEMPOTENCY_KEY_REUSED | UserErrorCode.IDEMPOTENCY_IN_PROGRESS,
    message: string,
  ) {
    super(code, message);
  }
}

/** Nobody can say now whether it worked. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the connection may or may not have been created, for example because DLI did not answer in time. It is not a failure: look for the name in DLI before you create it again.',
})
export class OutcomeUnknownError extends UserError {
  @Field(() => String, { nullable: true, description: REQUEST_ID_DESCRIPTION })
  readonly requestId: string | null;

  constructor(requestId: string | null) {
    super(
      UserErrorCode.OUTCOME_UNKNOWN,
      'The connection may or may not have been created. Look for its name in DLI before creating it again.',
    );
    this.requestId = requestId;
  }
}

/** Every answer of `createDatasourceConnection`. */
export const CreateDatasourceConnectionPayload = createUnionType({
  name: 'CreateDatasourceConnectionPayload',
  description:
    'The answer of `createDatasourceConnection`. Always select `... on UserError { message code }` too, so that members added later cannot surprise you.',
  types: () =>
    [
      CreateDatasourceConnectionSuccess,
      InvalidInputError,
      NameTakenError,
      DliRejectedError,
      DliUnavailableError,
      IdempotencyConflictError,
      OutcomeUnknownError,
    ] as const,
});
