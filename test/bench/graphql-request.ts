import type { Dispatcher } from 'undici';

/** A GraphQL request of the benchmark. */
export interface GraphqlRequest {
  readonly query: string;
  readonly operationName: string;
  readonly variables?: object;
}

/** A wrong answer; `status` is the HTTP status, the message shows the body. */
export class WrongAnswerError extends Error {
  readonly status: number;

  constructor(status: number, body: string) {
    super(`Wrong answer, HTTP ${status}: ${body.slice(0, 1000)}`);
    this.status = status;
  }
}

/**
 * Sends one request to a variant and returns the result of `verify` for its `data`.
 *
 * @param verify returns undefined if the data is wrong
 * @throws {WrongAnswerError} unless the answer is HTTP 200, free of errors, and verified.
 * @throws {Error} undici's own, when there is no answer.
 */
export async function sendGraphql<Data, Result>(
  dispatcher: Dispatcher,
  origin: string,
  request: GraphqlRequest,
  verify: (data: Data) => Result | undefined,
): Promise<Result> {
  const response = await dispatcher.request({
    origin,
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(request),
  });
  const body = await response.body.text();
  const data = response.statusCode === 200 ? readData<Data>(body) : undefined;
  const result = data && verify(data);
  if (result === undefined) throw new WrongAnswerError(response.statusCode, body);
  return result;
}

function readData<Data>(body: string): Data | undefined {
  try {
    const { errors, data } = JSON.parse(body) as { errors?: unknown; data?: Data | null };
    return errors === undefined ? (data ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
