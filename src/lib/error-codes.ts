/** A value of `extensions.code`, as `docs/errors.md` documents it. */
interface ErrorCodeDefinition {
  /** The HTTP status of a request that ends with it; 200 if it occurs only while fields are resolved. */
  status: number;
  /** Whether it also occurs with status 200, for a field of a request that is executed, or in an event of a stream. */
  alsoInResult?: true;
  meaning: string;
  whatToDo: string;
}

const REPEAT = 'Send the request again after `retryAfterSeconds`.';
const OPERATORS = 'The operators of the gateway must act.';

/** Every code of top-level errors. The codes of payload members are in `UserErrorCode`. */
export const ERROR_CODES = {
  BAD_REQUEST: {
    status: 400,
    alsoInResult: true,
    meaning: 'The request is not valid HTTP, JSON or GraphQL over HTTP.',
    whatToDo: 'Correct the client: the message names the part that is wrong.',
  },
  GRAPHQL_PARSE_FAILED: {
    status: 400,
    alsoInResult: true,
    meaning: 'The document is not valid GraphQL, or has too many tokens.',
    whatToDo: 'Correct the document.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    status: 400,
    alsoInResult: true,
    meaning: 'The document does not fit the schema.',
    whatToDo: 'Correct the document, or generate the client from the current `schema.graphql`.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    status: 400,
    alsoInResult: true,
    meaning: 'The document has several operations, or none of the name in `operationName`.',
    whatToDo: 'Name one of the operations of the document.',
  },
  OPERATION_TOO_COMPLEX: {
    status: 400,
    alsoInResult: true,
    meaning: 'The document exceeds a limit, such as its length or the depth of its fields.',
    whatToDo: 'Ask for less in one request.',
  },
  TOO_MANY_OPERATIONS: {
    status: 400,
    meaning: 'The request holds more than one mutation field. None was executed.',
    whatToDo: 'Send each mutation in a request of its own.',
  },
  BAD_USER_INPUT: {
    status: 400,
    alsoInResult: true,
    meaning: 'A variable or an argument is missing, of the wrong type, or breaks a rule. Nothing was executed.',
    whatToDo: 'Correct the value that the message names.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    status: 200,
    meaning: 'The request has the hash of a document instead of its text, and this gateway has no list of documents.',
    whatToDo: 'Send the text; clients with automatic persisted queries do so by themselves.',
  },
  DOCUMENT_NOT_TRUSTED: {
    status: 400,
    alsoInResult: true,
    meaning: 'The gateway executes only documents of a list, and this one is not in it.',
    whatToDo: 'Send a document with which the client was built, and have the list of the gateway updated.',
  },
  UNAUTHENTICATED: {
    status: 401,
    meaning: 'The access token is missing, expired or not valid.',
    whatToDo: 'Sign in, then send the request again with the new token.',
  },
  FORBIDDEN: {
    status: 403,
    alsoInResult: true,
    meaning: 'The token lacks the right to do this, or the host name or the page that calls is not allowed.',
    whatToDo: 'Ask for the right, or have the name or the origin added to the configuration.',
  },
  NOT_FOUND: {
    status: 404,
    meaning: 'There is nothing at this path.',
    whatToDo: 'Use `/graphql`.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    meaning: 'The method cannot be used here, as GET for a mutation. Nothing was executed.',
    whatToDo: 'Use a method of the `Allow` header.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    meaning: 'The `Accept` header excludes all formats in which the gateway responds. Nothing was executed.',
    whatToDo: 'Accept `application/graphql-response+json` or `application/json`.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    meaning: 'The request took too long to arrive.',
    whatToDo: 'Send it again.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    meaning: 'The body is too large.',
    whatToDo: 'Send less in one request.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    meaning: 'The body is not JSON in UTF-8, or is compressed.',
    whatToDo: 'Send `Content-Type: application/json`.',
  },
  RATE_LIMITED: {
    status: 429,
    alsoInResult: true,
    meaning: 'Too many requests, connections or refused tokens. Nothing was executed.',
    whatToDo: `${REPEAT} A create keeps its idempotency key.`,
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    meaning: 'The headers, with the address, are too many or too large.',
    whatToDo: 'Send fewer headers, or a long query with POST.',
  },
  INTERNAL: {
    status: 500,
    alsoInResult: true,
    meaning: 'A fault of the gateway, which has been logged with the `traceId`.',
    whatToDo: `Report the \`traceId\`. ${OPERATORS} A create may be repeated with the same idempotency key.`,
  },
  AUTH_UNAVAILABLE: {
    status: 503,
    meaning: 'Access tokens cannot be checked at the moment.',
    whatToDo: `${REPEAT} Signing in again does not help.`,
  },
  OVERLOADED: {
    status: 503,
    alsoInResult: true,
    meaning: 'The gateway has too much to do at the moment. Nothing was executed.',
    whatToDo: REPEAT,
  },
  SHUTTING_DOWN: {
    status: 503,
    meaning: 'The gateway is stopping. Nothing was executed.',
    whatToDo: 'Send the request again after `Retry-After`; another gateway, or the next one, answers.',
  },
  UPSTREAM_UNAVAILABLE: {
    status: 200,
    meaning: 'DLI could not be reached or used, or its answer could not be read.',
    whatToDo: REPEAT,
  },
  UPSTREAM_THROTTLED: {
    status: 200,
    meaning: 'Too many reads wait for DLI, or DLI receives too many requests.',
    whatToDo: REPEAT,
  },
  UPSTREAM_AUTH_FAILED: {
    status: 200,
    meaning: "Huawei Cloud refused the gateway's own credentials.",
    whatToDo: `${OPERATORS} Signing in again does not help.`,
  },
  UPSTREAM_AUTH_UNAVAILABLE: {
    status: 200,
    meaning: 'The gateway could not sign in to Huawei Cloud at the moment.',
    whatToDo: REPEAT,
  },
  UPSTREAM_REJECTED: {
    status: 200,
    meaning: 'DLI refused to answer, and will refuse again.',
    whatToDo: 'Show the message. Repeating the request does not help until its cause is removed.',
  },
  SUBSCRIPTION_ENDED: {
    status: 200,
    meaning:
      'The subscription has reached its maximum age, its access token has expired, or its client is too far behind the changes of the list.',
    whatToDo: 'Subscribe again, with a new token if the message says so, and query the list again if you watch it.',
  },
} as const satisfies Record<string, ErrorCodeDefinition>;

/** A value of `extensions.code` in top-level errors. */
export type ErrorCode = keyof typeof ERROR_CODES;
