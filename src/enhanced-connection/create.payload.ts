import { createUnionType, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import {
  DliRejectedError,
  DliUnavailableError,
  IdempotencyInProgressError,
  IdempotencyKeyReusedError,
  NameTakenError,
  OutcomeUnknownError,
} from '../datasource-connection/create.payload.js';
import { InvalidInputError, UserErrorCode } from '../datasource-connection/user-errors.js';
import { ResourceKind } from '../dli/connection.js';

/** How certain it is that a connection is the one that a create made. */
export const ConnectionRecognition = { ANSWER: 'ANSWER', LABEL: 'LABEL', LIKENESS: 'LIKENESS' } as const;

/** One of {@link ConnectionRecognition}. */
export type ConnectionRecognition = (typeof ConnectionRecognition)[keyof typeof ConnectionRecognition];

/** A pool or queue in the input of a create that is not bound. */
@ObjectType({ description: 'A pool or queue that is not known to be bound: `code` says why.' })
export class ResourceNotBound {
  @Field(() => ResourceKind, { description: 'What it is.' })
  readonly kind: ResourceKind;

  @Field(() => String, { description: 'Its name, in lower case.' })
  readonly name: string;

  @Field(() => UserErrorCode, { description: 'What happened, for programs.' })
  readonly code: UserErrorCode;

  @Field(() => String, { description: 'What happened and what to do, in English, for people.' })
  readonly message: string;

  constructor(kind: ResourceKind, name: string, code: UserErrorCode, message: string) {
    this.kind = kind;
    this.name = name;
    this.code = code;
    this.message = message;
  }
}

/** The success member: the connection exists. */
@ObjectType({
  description:
    'Returned when the connection exists. Jobs can use it once a pool or queue is bound and its binding is ACTIVE, after some minutes.',
})
export class CreateEnhancedDatasourceConnectionSuccess {
  @Field(() => ID, { description: "The new connection's id." })
  readonly connectionId: string;

  @Field(() => Boolean, {
    description: "Whether the connection was found in DLI's list because the response to the create was lost.",
  })
  readonly reconciled: boolean;

  @Field(() => ConnectionRecognition, { description: 'How surely the connection is the one that this create made.' })
  readonly recognisedBy: ConnectionRecognition;

  @Field(() => [ResourceNotBound], {
    description:
      'The pools and queues of the input that could not be bound, or may not be. Bind them with `bindDatasourceConnection`, because a repeat of this call gets the same answer.',
  })
  readonly notBound: readonly ResourceNotBound[];

  constructor(
    connectionId: string,
    reconciled: boolean,
    recognisedBy: ConnectionRecognition,
    notBound: readonly ResourceNotBound[],
  ) {
    this.connectionId = connectionId;
    this.reconciled = reconciled;
    this.recognisedBy = recognisedBy;
    this.notBound = notBound;
  }
}

/** The payload union of `createEnhancedDatasourceConnection`. */
export const CreateEnhancedDatasourceConnectionPayload = createUnionType({
  name: 'CreateEnhancedDatasourceConnectionPayload',
  description:
    'The result of `createEnhancedDatasourceConnection`. Always select `... on UserError { message code }` too, which covers members that are added later.',
  types: () =>
    [
      CreateEnhancedDatasourceConnectionSuccess,
      InvalidInputError,
      NameTakenError,
      DliRejectedError,
      DliUnavailableError,
      IdempotencyInProgressError,
      IdempotencyKeyReusedError,
      OutcomeUnknownError,
    ] as const,
});

registerEnumType(ConnectionRecognition, {
  name: 'ConnectionRecognition',
  description: 'How surely a connection is the one that a create made.',
  valuesConfig: {
    ANSWER: { description: 'DLI responded to the create with its id.' },
    LABEL: { description: 'It has the tag that the gateway gave to this create only.' },
    LIKENESS: { description: 'Its name, VPC and subnet and the time of its creation agree with the create.' },
  },
});
