// Written by `npm run generate`.

/** The members of each union and interface, for `InMemoryCache` of Apollo Client. */
export const possibleTypes: Record<string, string[]> = {
  "BindDatasourceConnectionPayload": [
    "BindDatasourceConnectionSuccess",
    "ChangeOutcomeUnknownError",
    "ConnectionBusyError",
    "ConnectionNotFoundError",
    "ConnectionResourceNotFoundError",
    "DliRejectedError",
    "DliUnavailableError",
    "InvalidInputError"
  ],
  "CreateDatasourceConnectionPayload": [
    "CreateDatasourceConnectionSuccess",
    "DliRejectedError",
    "DliUnavailableError",
    "IdempotencyInProgressError",
    "IdempotencyKeyReusedError",
    "InvalidInputError",
    "NameTakenError",
    "OutcomeUnknownError"
  ],
  "CreateEnhancedDatasourceConnectionPayload": [
    "CreateEnhancedDatasourceConnectionSuccess",
    "DliRejectedError",
    "DliUnavailableError",
    "IdempotencyInProgressError",
    "IdempotencyKeyReusedError",
    "InvalidInputError",
    "NameTakenError",
    "OutcomeUnknownError"
  ],
  "DatasourceConnection": [
    "ClassicDatasourceConnection",
    "EnhancedDatasourceConnection"
  ],
  "DeleteDatasourceConnectionPayload": [
    "ConnectionBusyError",
    "ConnectionCreatingError",
    "ConnectionInUseError",
    "ConnectionNotFoundError",
    "DeleteDatasourceConnectionSuccess",
    "DeleteOutcomeUnknownError",
    "DliRejectedError",
    "DliUnavailableError",
    "InvalidInputError"
  ],
  "UnbindDatasourceConnectionPayload": [
    "ChangeOutcomeUnknownError",
    "ConnectionBusyError",
    "ConnectionNotFoundError",
    "DliRejectedError",
    "DliUnavailableError",
    "InvalidInputError",
    "UnbindDatasourceConnectionSuccess"
  ],
  "UserError": [
    "ChangeOutcomeUnknownError",
    "ConnectionBusyError",
    "ConnectionCreatingError",
    "ConnectionInUseError",
    "ConnectionNotFoundError",
    "ConnectionResourceNotFoundError",
    "DeleteOutcomeUnknownError",
    "DliRejectedError",
    "DliUnavailableError",
    "IdempotencyInProgressError",
    "IdempotencyKeyReusedError",
    "InvalidInputError",
    "NameTakenError",
    "OutcomeUnknownError"
  ]
};
