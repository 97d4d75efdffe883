// Written by `npm run generate`.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '../typed-document-node.js';
/** Whether jobs can use an enhanced connection, by the states of its bindings. Values may be added. */
export type ConnectionReadiness =
  /** At least one binding is CREATING, and none is ACTIVE. */
  | 'BINDING'
  /** The connection was deleted. */
  | 'DELETED'
  /** Every binding is FAILED. */
  | 'FAILED'
  /** Some bindings are ACTIVE, others are not. */
  | 'PARTLY_READY'
  /** Every binding is ACTIVE. Security groups may still block the traffic. */
  | 'READY'
  /** Nothing is bound, so no job can use the connection yet. */
  | 'UNBOUND'
  | '%future added value';

/** An elastic resource pool or a queue. */
export type ConnectionResourceInput = {
  /** What it is. */
  kind: ConnectionResourceKind;
  /** Its name, ignoring case. 1 to 128 characters: letters, digits and _. It must not begin with _, consist of digits only or be default. */
  name: string;
};

/** What an enhanced connection can be bound to. */
export type ConnectionResourceKind =
  /** An elastic resource pool, with all of its queues. */
  | 'ELASTIC_RESOURCE_POOL'
  /** A queue outside of pools. DLI is retiring these. */
  | 'QUEUE'
  | '%future added value';

/** The connection to create. `createDatasourceConnectionRules` has the rules as data. */
export type CreateDatasourceConnectionInput = {
  /**
   * Name of a serverless cluster, needed by very old DLI clusters only. 1 to 128 characters: letters, digits, _ and -.
   * @deprecated DLI dropped it in 2019; it is sent only if it is set.
   */
  clusterName?: string | null | undefined;
  /** Names one intent to create, preferably a new UUID. Every repeat of the call with the same key and input gets the same outcome and never creates a second connection. Without one the gateway generates a key, and returns it if the call has to be repeated. Kept for 72 hours after a success. 16 to 64 characters: letters, digits, _ and -. */
  idempotencyKey?: string | null | undefined;
  /** The connection's name. 1 to 64 characters: letters, digits, _ and -. */
  name: string;
  /** Network id of the subnet that the service is in, usually a UUID. Not the id of the VPC. 1 to 64 characters: letters, digits and -. */
  networkId: string;
  /** Id of the security group that the service belongs to, usually a UUID. 1 to 64 characters: letters, digits and -. */
  securityGroupId: string;
  /** The kind of service that the connection reaches. */
  service: DatasourceService;
  /** Labels for the connection. At most 10, each key once. */
  tags?: Array<TagInput> | null | undefined;
  /** The service's address inside its network. At most 512 characters: host:port, for CLOUD_TABLE one or more of them separated by commas. Never a `jdbc:` or `http:` address. `datasourceServices` lists each service's rule with an example. */
  url: string;
};

/** What happened to a connection in a list. */
export type DatasourceConnectionChangeKind =
  /** The connection is new in the list, or has begun to match the filter. */
  | 'ADDED'
  /** A field of the connection has changed, such as its state or progress. */
  | 'CHANGED'
  /** The connection no longer matches the filter, for example because it was deleted, or is gone. */
  | 'REMOVED'
  | '%future added value';

/** Filters the list; all criteria must match. */
export type DatasourceConnectionFilter = {
  /** Only connections that are bound to this pool or queue. A queue is also bound if its pool is. */
  boundTo?: ConnectionResourceInput | null | undefined;
  /** Whether DELETED connections are included if `states` is not set. */
  includeDeleted?: boolean;
  /** Only connections of one of these kinds. Default: all kinds. */
  kinds?: Array<DatasourceConnectionKind> | null | undefined;
  /** Only connections whose name contains this text, ignoring case; at most 64 characters. */
  name?: string | null | undefined;
  /** Only enhanced connections of one of these readinesses. */
  readiness?: Array<ConnectionReadiness> | null | undefined;
  /** Only connections to one of these kinds of service. */
  services?: Array<DatasourceService> | null | undefined;
  /** Only connections in one of these states. Default: all states except DELETED. */
  states?: Array<DatasourceConnectionState> | null | undefined;
  /** Only enhanced connections to this VPC; at most 64 characters. */
  vpcId?: string | null | undefined;
};

/** The kind of a connection. Values may be added. */
export type DatasourceConnectionKind =
  /** A connection to the address of one service. Huawei Cloud ended its support of these on 2024-06-30. */
  | 'CLASSIC'
  /** A network peering between DLI's compute resources and a subnet of a VPC. */
  | 'ENHANCED'
  | '%future added value';

/** The order of a list. Connections that compare equal are ordered by id. */
export type DatasourceConnectionOrder =
  /** By name, ignoring case. */
  | 'NAME'
  /** By time of creation, newest first. */
  | 'NEWEST_FIRST'
  /** By time of creation, oldest first. */
  | 'OLDEST_FIRST'
  | '%future added value';

/** The state of a connection, as a whole, in one queue or of one binding. Values may be added. */
export type DatasourceConnectionState =
  /** The connection can be used. An enhanced one only exists: see its `readiness` and the state of each binding. */
  | 'ACTIVE'
  /** DLI is creating the connection, which takes minutes. It cannot be used or deleted yet. */
  | 'CREATING'
  /** The connection was deleted. DLI still lists it for a while. */
  | 'DELETED'
  /** The connection, or its binding, could not be created, for the reason in `failureReason` or `failure`. It can be deleted. */
  | 'FAILED'
  /** DLI reports another state, which is in `stateText`. */
  | 'UNKNOWN'
  | '%future added value';

/** The kind of service that a connection reaches. */
export type DatasourceService =
  /** CloudTable HBase, reached through its ZooKeeper link. */
  | 'CLOUD_TABLE'
  /** OpenTSDB of CloudTable. */
  | 'CLOUD_TABLE_OPENTSDB'
  /** Cloud Search Service (CSS): Elasticsearch. */
  | 'CSS'
  /** Data Warehouse Service (DWS). */
  | 'DWS'
  /** OpenTSDB of MapReduce Service (MRS). */
  | 'MRS_OPENTSDB'
  /** Relational Database Service (RDS): MySQL or PostgreSQL. */
  | 'RDS'
  | '%future added value';

/** The connection to delete. */
export type DeleteDatasourceConnectionInput = {
  /** The connection's id, a UUID. */
  id: string;
  /** Whether to refuse if a pool or queue is bound, whose jobs would lose access to the data source. */
  ifUnbound?: boolean;
};

/** The kind of rule that a value breaks, for programs. */
export type InputProblemCode =
  /** The list contains something twice that must be unique. */
  | 'DUPLICATE'
  /** The value is reserved, or not one of those that the field accepts. */
  | 'NOT_ALLOWED'
  /** A value is missing, or null where null is not allowed. */
  | 'REQUIRED'
  /** The number is greater than `limit`. */
  | 'TOO_LARGE'
  /** The text has more characters than `limit`. */
  | 'TOO_LONG'
  /** The list has more items than `limit`. */
  | 'TOO_MANY'
  /** The text has fewer characters than `limit`. */
  | 'TOO_SHORT'
  /** The number is less than `limit`. */
  | 'TOO_SMALL'
  /** The input has no field of this name. */
  | 'UNKNOWN_FIELD'
  /** The text has characters or a form that the field does not accept. */
  | 'WRONG_FORMAT'
  /** The value is of another type, such as a number where a text is expected. */
  | 'WRONG_TYPE'
  | '%future added value';

/** Why it is not known whether the connection was created, changed or deleted. Every reason is handled the same way. */
export type OutcomeUnknownReason =
  /** The connection to DLI broke before the response was complete. */
  | 'CONNECTION_LOST'
  /** The gateway was stopped while the request was in progress. */
  | 'GATEWAY_RESTART'
  /** The gateway's record of the create cannot be read. */
  | 'STORE_LOST'
  /** DLI did not answer in time. */
  | 'TIMEOUT_AFTER_SEND'
  /** DLI responded with a redirect, which is not followed. */
  | 'UNEXPECTED_REDIRECT'
  /** DLI sent a response that cannot be read. */
  | 'UNREADABLE_RESPONSE'
  /** DLI responded with an error that does not prove whether it did anything. */
  | 'UPSTREAM_ERROR'
  | '%future added value';

/** A label that Huawei Cloud stores with the connection. */
export type TagInput = {
  /** Each key once. 1 to 128 characters: letters, digits, spaces and _ . : = + - @, without a space at either end. It must not start with _sys_ and must not be gw_req, which the gateway uses itself. */
  key: string;
  /** At most 255 characters: letters, digits, spaces and _ . : = + - @, without a space at either end. */
  value: string;
};

/** The kind of an error, for programs. Values may be added: handle an unknown one by the type of the error. */
export type UserErrorCode =
  /** The input breaks a rule. Correct it and send it again. */
  | 'BAD_USER_INPUT'
  /** DLI is still working on the connection, or a failed binding prevents the change. Wait if the error says how long. */
  | 'CONNECTION_BUSY'
  /** The connection is still being created and cannot be deleted yet. Send it again later. */
  | 'CONNECTION_CREATING'
  /** Pools or queues are bound to the connection. Unbind them first. */
  | 'CONNECTION_IN_USE'
  /** There is no connection with this id, so there is nothing to change or delete. */
  | 'CONNECTION_NOT_FOUND'
  /** The first call with this idempotency key, or another create of the same name, is still running or undecided. Repeat the call with the same key later. */
  | 'IDEMPOTENCY_IN_PROGRESS'
  /** The idempotency key was used with another input. Use a new key. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** The gateway cannot write its records at the moment, so it sent nothing. Send it again later. */
  | 'IDEMPOTENCY_STORE_UNAVAILABLE'
  /** A connection with this name exists. Choose another name. */
  | 'NAME_CONFLICT'
  /** It is not known whether the connection was created, changed or deleted. Repeat the same call; never treat this as a failure. */
  | 'OUTCOME_UNKNOWN'
  /** A pool or queue does not exist. Correct its name, or create it first. */
  | 'RESOURCE_NOT_FOUND'
  /** Huawei Cloud refused the gateway's own credentials. The operators of the gateway must act; signing in again does not help. */
  | 'UPSTREAM_AUTH_FAILED'
  /** The gateway could not sign in to Huawei Cloud at the moment. The same request may succeed later. */
  | 'UPSTREAM_AUTH_UNAVAILABLE'
  /** DLI refused the request. The same request will be refused again until its cause is removed. */
  | 'UPSTREAM_REJECTED'
  /** DLI receives too many requests at the moment. Wait and send it again. */
  | 'UPSTREAM_THROTTLED'
  /** DLI could not be reached. The same request may succeed later. */
  | 'UPSTREAM_UNAVAILABLE'
  | '%future added value';

type DatasourceConnectionFields_ClassicDatasourceConnection_Fragment = { __typename: 'ClassicDatasourceConnection', service: DatasourceService | null, serviceText: string | null, destination: string | null, clusterName: string | null, progress: number | null, failureReason: string | null, connectionAddress: string | null, id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> };

type DatasourceConnectionFields_EnhancedDatasourceConnection_Fragment = { __typename: 'EnhancedDatasourceConnection', id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> };

export type DatasourceConnectionFieldsFragment =
  | DatasourceConnectionFields_ClassicDatasourceConnection_Fragment
  | DatasourceConnectionFields_EnhancedDatasourceConnection_Fragment
;

export type CreateDatasourceConnectionMutationVariables = Exact<{
  input: CreateDatasourceConnectionInput;
}>;


export type CreateDatasourceConnectionMutation = { createDatasourceConnection:
    | { __typename: 'CreateDatasourceConnectionSuccess', connectionId: string, message: string, reconciled: boolean }
    | { __typename: 'DliRejectedError', dliCode: string | null, requestId: string | null, message: string, code: UserErrorCode }
    | { __typename: 'DliUnavailableError', retryAfterSeconds: number, message: string, code: UserErrorCode }
    | { __typename: 'IdempotencyInProgressError', retryAfterSeconds: number, message: string, code: UserErrorCode }
    | { __typename: 'IdempotencyKeyReusedError', message: string, code: UserErrorCode }
    | { __typename: 'InvalidInputError', message: string, code: UserErrorCode, problems: Array<{ __typename: 'InputProblem', path: Array<string>, code: InputProblemCode, message: string, limit: number | null }> }
    | { __typename: 'NameTakenError', name: string, message: string, code: UserErrorCode }
    | { __typename: 'OutcomeUnknownError', idempotencyKey: string, reason: OutcomeUnknownReason, requestId: string | null, retryAfterSeconds: number, message: string, code: UserErrorCode }
   };

export type DeleteDatasourceConnectionMutationVariables = Exact<{
  input: DeleteDatasourceConnectionInput;
}>;


export type DeleteDatasourceConnectionMutation = { deleteDatasourceConnection:
    | { __typename: 'ConnectionBusyError', message: string, code: UserErrorCode }
    | { __typename: 'ConnectionCreatingError', retryAfterSeconds: number, message: string, code: UserErrorCode }
    | { __typename: 'ConnectionInUseError', message: string, code: UserErrorCode }
    | { __typename: 'ConnectionNotFoundError', connectionId: string, message: string, code: UserErrorCode }
    | { __typename: 'DeleteDatasourceConnectionSuccess', connectionId: string, connection:
        | { __typename: 'ClassicDatasourceConnection', id: string, state: DatasourceConnectionState }
        | { __typename: 'EnhancedDatasourceConnection', id: string, state: DatasourceConnectionState }
       | null }
    | { __typename: 'DeleteOutcomeUnknownError', reason: OutcomeUnknownReason, requestId: string | null, retryAfterSeconds: number, message: string, code: UserErrorCode }
    | { __typename: 'DliRejectedError', dliCode: string | null, requestId: string | null, message: string, code: UserErrorCode }
    | { __typename: 'DliUnavailableError', retryAfterSeconds: number, message: string, code: UserErrorCode }
    | { __typename: 'InvalidInputError', message: string, code: UserErrorCode, problems: Array<{ __typename: 'InputProblem', path: Array<string>, code: InputProblemCode, message: string, limit: number | null }> }
   };

export type DatasourceConnectionQueryVariables = Exact<{
  id: string;
}>;


export type DatasourceConnectionQuery = { datasourceConnection:
    | { __typename: 'ClassicDatasourceConnection', service: DatasourceService | null, serviceText: string | null, destination: string | null, clusterName: string | null, progress: number | null, failureReason: string | null, connectionAddress: string | null, id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
    | { __typename: 'EnhancedDatasourceConnection', id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
   | null };

export type DatasourceConnectionsQueryVariables = Exact<{
  filter?: DatasourceConnectionFilter | null | undefined;
  order?: DatasourceConnectionOrder;
  first?: number;
  after?: string | null | undefined;
}>;


export type DatasourceConnectionsQuery = { datasourceConnections: { __typename: 'DatasourceConnectionPage', totalCount: number, nextCursor: string | null, items: Array<
      | { __typename: 'ClassicDatasourceConnection', service: DatasourceService | null, serviceText: string | null, destination: string | null, clusterName: string | null, progress: number | null, failureReason: string | null, connectionAddress: string | null, id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
      | { __typename: 'EnhancedDatasourceConnection', id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
    > } };

export type DatasourceServicesQueryVariables = Exact<{ [key: string]: never; }>;


export type DatasourceServicesQuery = { datasourceServices: Array<{ __typename: 'DatasourceServiceInfo', service: DatasourceService, label: string, urlExample: string, urlHint: string, urlRule: string, urlPattern: string, urlMaxLength: number, urlAcceptsSeveral: boolean }> };

export type CreateDatasourceConnectionRulesQueryVariables = Exact<{ [key: string]: never; }>;


export type CreateDatasourceConnectionRulesQuery = { createDatasourceConnectionRules: Array<{ __typename: 'InputFieldRule', path: Array<string>, required: boolean, rule: string, pattern: string | null, minLength: number | null, maxLength: number | null, maxItems: number | null, example: string | null }> };

export type FollowDatasourceConnectionSubscriptionVariables = Exact<{
  id: string;
}>;


export type FollowDatasourceConnectionSubscription = { datasourceConnection:
    | { __typename: 'ClassicDatasourceConnection', service: DatasourceService | null, serviceText: string | null, destination: string | null, clusterName: string | null, progress: number | null, failureReason: string | null, connectionAddress: string | null, id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
    | { __typename: 'EnhancedDatasourceConnection', id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
   | null };

export type DatasourceConnectionChangesSubscriptionVariables = Exact<{
  filter?: DatasourceConnectionFilter | null | undefined;
}>;


export type DatasourceConnectionChangesSubscription = { datasourceConnections: { __typename: 'DatasourceConnectionChange', kind: DatasourceConnectionChangeKind, connection:
      | { __typename: 'ClassicDatasourceConnection', service: DatasourceService | null, serviceText: string | null, destination: string | null, clusterName: string | null, progress: number | null, failureReason: string | null, connectionAddress: string | null, id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
      | { __typename: 'EnhancedDatasourceConnection', id: string, name: string, state: DatasourceConnectionState, stateText: string | null, createdAt: string | null, tags: Array<{ __typename: 'Tag', key: string, value: string }> | null, queues: Array<{ __typename: 'DatasourceConnectionQueue', name: string, state: DatasourceConnectionState | null, failureReason: string | null, updatedAt: string | null }> }
     } };

export const DatasourceConnectionFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DatasourceConnectionFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"stateText"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ClassicDatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"serviceText"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"clusterName"}},{"kind":"Field","name":{"kind":"Name","value":"progress"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"connectionAddress"}}]}}]}}]} as unknown as DocumentNode<DatasourceConnectionFieldsFragment, unknown>;
export const CreateDatasourceConnectionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateDatasourceConnection"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateDatasourceConnectionInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createDatasourceConnection"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateDatasourceConnectionSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"connectionId"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"reconciled"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"limit"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"NameTakenError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DliRejectedError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"dliCode"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DliUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"IdempotencyInProgressError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"OutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"idempotencyKey"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}},{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]}}]}}]} as unknown as DocumentNode<CreateDatasourceConnectionMutation, CreateDatasourceConnectionMutationVariables>;
export const DeleteDatasourceConnectionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteDatasourceConnection"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DeleteDatasourceConnectionInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteDatasourceConnection"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeleteDatasourceConnectionSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"connectionId"}},{"kind":"Field","name":{"kind":"Name","value":"connection"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"state"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"InvalidInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"problems"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"limit"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ConnectionNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"connectionId"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ConnectionCreatingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DliRejectedError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"dliCode"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DliUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeleteOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"reason"}},{"kind":"Field","name":{"kind":"Name","value":"requestId"}},{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]}}]}}]} as unknown as DocumentNode<DeleteDatasourceConnectionMutation, DeleteDatasourceConnectionMutationVariables>;
export const DatasourceConnectionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DatasourceConnection"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"datasourceConnection"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DatasourceConnectionFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DatasourceConnectionFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"stateText"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ClassicDatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"serviceText"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"clusterName"}},{"kind":"Field","name":{"kind":"Name","value":"progress"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"connectionAddress"}}]}}]}}]} as unknown as DocumentNode<DatasourceConnectionQuery, DatasourceConnectionQueryVariables>;
export const DatasourceConnectionsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DatasourceConnections"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnectionFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"order"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnectionOrder"}}},"defaultValue":{"kind":"EnumValue","value":"NEWEST_FIRST"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},"defaultValue":{"kind":"IntValue","value":"50"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"datasourceConnections"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"order"},"value":{"kind":"Variable","name":{"kind":"Name","value":"order"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"totalCount"}},{"kind":"Field","name":{"kind":"Name","value":"nextCursor"}},{"kind":"Field","name":{"kind":"Name","value":"items"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DatasourceConnectionFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DatasourceConnectionFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"stateText"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ClassicDatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"serviceText"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"clusterName"}},{"kind":"Field","name":{"kind":"Name","value":"progress"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"connectionAddress"}}]}}]}}]} as unknown as DocumentNode<DatasourceConnectionsQuery, DatasourceConnectionsQueryVariables>;
export const DatasourceServicesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"DatasourceServices"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"datasourceServices"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"label"}},{"kind":"Field","name":{"kind":"Name","value":"urlExample"}},{"kind":"Field","name":{"kind":"Name","value":"urlHint"}},{"kind":"Field","name":{"kind":"Name","value":"urlRule"}},{"kind":"Field","name":{"kind":"Name","value":"urlPattern"}},{"kind":"Field","name":{"kind":"Name","value":"urlMaxLength"}},{"kind":"Field","name":{"kind":"Name","value":"urlAcceptsSeveral"}}]}}]}}]} as unknown as DocumentNode<DatasourceServicesQuery, DatasourceServicesQueryVariables>;
export const CreateDatasourceConnectionRulesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"CreateDatasourceConnectionRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createDatasourceConnectionRules"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"required"}},{"kind":"Field","name":{"kind":"Name","value":"rule"}},{"kind":"Field","name":{"kind":"Name","value":"pattern"}},{"kind":"Field","name":{"kind":"Name","value":"minLength"}},{"kind":"Field","name":{"kind":"Name","value":"maxLength"}},{"kind":"Field","name":{"kind":"Name","value":"maxItems"}},{"kind":"Field","name":{"kind":"Name","value":"example"}}]}}]}}]} as unknown as DocumentNode<CreateDatasourceConnectionRulesQuery, CreateDatasourceConnectionRulesQueryVariables>;
export const FollowDatasourceConnectionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"FollowDatasourceConnection"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"datasourceConnection"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DatasourceConnectionFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DatasourceConnectionFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"stateText"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ClassicDatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"serviceText"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"clusterName"}},{"kind":"Field","name":{"kind":"Name","value":"progress"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"connectionAddress"}}]}}]}}]} as unknown as DocumentNode<FollowDatasourceConnectionSubscription, FollowDatasourceConnectionSubscriptionVariables>;
export const DatasourceConnectionChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"DatasourceConnectionChanges"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnectionFilter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"datasourceConnections"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"connection"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"DatasourceConnectionFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"DatasourceConnectionFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"stateText"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}},{"kind":"Field","name":{"kind":"Name","value":"tags"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"key"}},{"kind":"Field","name":{"kind":"Name","value":"value"}}]}},{"kind":"Field","name":{"kind":"Name","value":"queues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"state"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ClassicDatasourceConnection"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"service"}},{"kind":"Field","name":{"kind":"Name","value":"serviceText"}},{"kind":"Field","name":{"kind":"Name","value":"destination"}},{"kind":"Field","name":{"kind":"Name","value":"clusterName"}},{"kind":"Field","name":{"kind":"Name","value":"progress"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"connectionAddress"}}]}}]}}]} as unknown as DocumentNode<DatasourceConnectionChangesSubscription, DatasourceConnectionChangesSubscriptionVariables>;