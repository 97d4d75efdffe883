// Written by `npm run generate`.

/** The members of each union and interface, for `InMemoryCache` of Apollo Client. */
export const possibleTypes: Record<string, string[]> = {
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
  "DatasourceConnection": [
    "ClassicDatasourceConnection"
  ],
  "DeleteDatasourceConnectionPayload": [
    "ConnectionCreatingError",
    "ConnectionNotFoundError",
    "DeleteDatasourceConnectionSuccess",
    "DeleteOutcomeUnknownError",
    "DliRejectedError",
    "DliUnavailableError",
    "InvalidInputError"
  ],
  "UserError": [
    "ConnectionCreatingError",
    "ConnectionNotFoundError",
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
