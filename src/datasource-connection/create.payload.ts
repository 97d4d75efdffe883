import { createUnionType, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { InvalidInputError, UserError, UserErrorCode } from './user-errors.js';

/** The schema description of `requestId` fields. */
export const REQUEST_ID_DESCRIPTION = "Huawei Cloud's id of the request, for its support; null if there is none.";

/** The success member: DLI accepted the create. */
@ObjectType({
  description:
    'Returned when DLI accepted the connection. It can be used once its state is ACTIVE, after some minutes.',
})
export class CreateDatasourceConnectionSuccess {
  @Field(() => ID, { description: "The new connection's id." })
  readonly connectionId: string;

  @Field(() => String, { description: "DLI's message; empty if there is none." })
  readonly message: string;

  @Field(() => Boolean, {
    description:
      "Whether the connection was found in DLI's list because the response to the create was lost. It was identified by name, service, address and time.",
  })
  readonly reconciled: boolean;

  constructor(connectionId: string, message: string | null, reconciled: boolean) {
    this.connectionId = connectionId;
    this.message = message ?? '';
    this.reconciled = reconciled;
  }
}

/** A connection of the same name exists. */
@ObjectType({
  implements: UserError,
  description: 'Returned when a connection with this name exists already. Nothing was created.',
})
export class NameTakenError extends UserError {
  @Field(() => String, { description: 'The name that is taken.' })
  readonly name: string;

  constructor(name: string) {
    super(UserErrorCode.NAME_CONFLICT, 'A connection of this name exists already. Choose another name.');
    this.name = name;
  }
}

/** DLI rejected the request, and would reject it again. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when DLI refused the request. This call did nothing, unless `message` names what a bind or unbind did. The same request will be refused again until its cause is removed.',
})
export class DliRejectedError extends UserError {
  @Field(() => String, {
    nullable: true,
    description: "DLI's error code, such as `DLI.0001`; null if there is none.",
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

/** The codes of {@link DliUnavailableError}. */
export type UnavailableCode =
  | UserErrorCode.UPSTREAM_UNAVAILABLE
  | UserErrorCode.UPSTREAM_THROTTLED
  | UserErrorCode.UPSTREAM_AUTH_FAILED
  | UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE
  | UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE;

/** The request could not be sent or was refused temporarily; a retry may succeed. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the request is not possible at the moment. This call did nothing, unless `message` names what a bind or unbind did. The same request may succeed later.',
})
export class DliUnavailableError extends UserError {
  @Field(() => Int, { description: 'Seconds to wait before sending the same request again.' })
  readonly retryAfterSeconds: number;

  constructor(code: UnavailableCode, message: string, retryAfterSeconds: number) {
    super(code, message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The first call with the idempotency key, or another create of the same name, has no final outcome yet. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the first call with this idempotency key, or another create of the same name, is still running or undecided. This call created nothing. Repeat it with the same key.',
})
export class IdempotencyInProgressError extends UserError {
  @Field(() => Int, { description: 'Seconds to wait before repeating the call with the same key.' })
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(
      UserErrorCode.IDEMPOTENCY_IN_PROGRESS,
      'The first call with this key, or another create of this name, is still running or undecided. Repeat this call, with the same key, a little later.',
    );
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The idempotency key was used with another input. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the idempotency key was used with another input. This call created nothing, and a repeat cannot succeed: a new intent needs a new key.',
})
export class IdempotencyKeyReusedError extends UserError {
  constructor() {
    super(
      UserErrorCode.IDEMPOTENCY_KEY_REUSED,
      'The idempotency key was used with another input. Use a new key for a new connection.',
    );
  }
}

/** The connection may or may not have been created. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the connection may or may not have been created, for example because DLI did not answer in time. It is not a failure: repeat the call with the same idempotency key, which never creates a second connection, to get the outcome.',
})
export class OutcomeUnknownError extends UserError {
  @Field(() => String, {
    description: 'The key to repeat the call with: the one of the call, or one that the gateway generated.',
  })
  readonly idempotencyKey: string;

  @Field(() => OutcomeUnknownReason, { description: 'Why the outcome is not known.' })
  readonly reason: OutcomeUnknownReason;

  @Field(() => Int, { description: 'Seconds to wait before repeating the call.' })
  readonly retryAfterSeconds: number;

  @Field(() => String, { nullable: true, description: REQUEST_ID_DESCRIPTION })
  readonly requestId: string | null;

  constructor(
    idempotencyKey: string,
    reason: keyof typeof OutcomeUnknownReason,
    requestId: string | null,
    retryAfterSeconds: number,
  ) {
    super(
      UserErrorCode.OUTCOME_UNKNOWN,
      'The connection may or may not have been created. Repeat the call with the same idempotency key to learn which.',
    );
    this.idempotencyKey = idempotencyKey;
    this.reason = OutcomeUnknownReason[reason];
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The payload union of `createDatasourceConnection`. */
export const CreateDatasourceConnectionPayload = createUnionType({
  name: 'CreateDatasourceConnectionPayload',
  description:
    'The result of `createDatasourceConnection`. Always select `... on UserError { message code }` too, which covers members that are added later.',
  types: () =>
    [
      CreateDatasourceConnectionSuccess,
      InvalidInputError,
      NameTakenError,
      DliRejectedError,
      DliUnavailableError,
      IdempotencyInProgressError,
      IdempotencyKeyReusedError,
      OutcomeUnknownError,
    ] as const,
});

/** Why the outcome of a mutation is unknown. */
export enum OutcomeUnknownReason {
  TIMEOUT_AFTER_SEND = 'TIMEOUT_AFTER_SEND',
  CONNECTION_LOST = 'CONNECTION_LOST',
  UPSTREAM_ERROR = 'UPSTREAM_ERROR',
  UNREADABLE_RESPONSE = 'UNREADABLE_RESPONSE',
  UNEXPECTED_REDIRECT = 'UNEXPECTED_REDIRECT',
  GATEWAY_RESTART = 'GATEWAY_RESTART',
  STORE_LOST = 'STORE_LOST',
}

registerEnumType(OutcomeUnknownReason, {
  name: 'OutcomeUnknownReason',
  description:
    'Why it is not known whether the connection was created, changed or deleted. Every reason is handled the same way.',
  valuesConfig: {
    TIMEOUT_AFTER_SEND: { description: 'DLI did not answer in time.' },
    CONNECTION_LOST: { description: 'The connection to DLI broke before the response was complete.' },
    UPSTREAM_ERROR: {
      description: 'DLI responded with an error that does not prove whether it did anything.',
    },
    UNREADABLE_RESPONSE: { description: 'DLI sent a response that cannot be read.' },
    UNEXPECTED_REDIRECT: { description: 'DLI responded with a redirect, which is not followed.' },
    GATEWAY_RESTART: { description: 'The gateway was stopped while the request was in progress.' },
    STORE_LOST: { description: "The gateway's record of the create cannot be read." },
  },
});
