import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { createDliClients } from '../../../src/composition/dli-clients.js';
import type { OperationContext } from '../../../src/dli/dli-error.js';
import { DliError, UnknownOutcomeError } from '../../../src/dli/dli-error.js';
import { ConfidentialTexts } from '../../../src/dli/sanitize.js';
import { AccessKeyAuthenticator } from '../../../src/huawei-cloud/access-key-authenticator.js';
import { ClockSkew } from '../../../src/huawei-cloud/clock-skew.js';
import { IamClient } from '../../../src/huawei-cloud/iam-client.js';
import { UpstreamLog } from '../../../src/huawei-cloud/upstream-log.js';
import { LogSampler } from '../../../src/lib/log-sampler.js';
import type { Clock } from '../../../src/lib/time.js';
import { Deadline } from '../../../src/lib/time.js';
import { NO_METRICS } from '../../../src/metrics/metrics.js';
import { onCleanup } from '../../helpers/clean-up.js';
import { directTransport } from '../../helpers/direct-transport.js';
import { listen } from '../../helpers/listening-server.js';
import { createManualClock } from '../../helpers/manual-clock.js';

/** A request that DLI received. */
export interface ReceivedRequest {
  method: string;
  /** The path without the project: for example `/v2.0/datasource-connection`. */
  path: string;
  /** Empty if there is no query. */
  query: string;
  body: string;
}

/** A response of DLI. A string is sent unchanged, anything else as JSON. */
export interface Answer {
  status?: number;
  body?: unknown;
  /** Closes the connection instead. */
  isLost?: boolean;
}

/** A line of the log. */
type LoggedCall = Record<string, unknown> & { msg: string };

const PROJECT_ID = '48cc2c48765f481480c7db940d6409d1';

/** The path of classic connections. */
export const CLASSIC = '/v2.0/datasource-connection';
/** The path of enhanced connections. */
export const ENHANCED = '/v2.0/datasource/enhanced-connections';

/** The response of API Gateway for a path that it does not know. */
export const NOT_OFFERED: Answer = {
  status: 404,
  body: { error_code: 'APIGW.0101', error_msg: 'The API does not exist or has not been published.' },
};

/** The response of DLI for an id or name that it does not know. */
export const UNKNOWN_ID: Answer = { status: 400, body: { error_code: 'DLI.0002', error_msg: 'No such connection.' } };

/**
 * Clients of an HTTP server on a free port that acts as DLI. No deadline passes unless the test advances the clock.
 *
 * @param url another address for DLI
 */
export async function startClients(
  answer: (request: ReceivedRequest, index: number) => Answer | Promise<Answer>,
  clock: Clock = createManualClock(),
  url?: string,
) {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    void respond(request, response, async body => {
      const { pathname, search } = new URL(request.url ?? '', 'http://dli.test');
      const path = pathname.replace(`/${PROJECT_ID}`, '');
      const next = { method: request.method ?? '', path, query: search.slice(1), body };
      received.push(next);
      return answer(next, received.length - 1);
    });
  });
  const { port } = await listen(server);
  const endpoint = new URL(url ?? `http://127.0.0.1:${port}`);
  const logged: LoggedCall[] = [];
  const write = (record: object, msg: string) => void logged.push({ ...record, msg });
  const log = { error: write, info: write, warn: write };
  const sampler = new LogSampler();
  const upstream = new UpstreamLog(log, sampler, NO_METRICS);
  const iamTransport = directTransport();
  const authenticator = new AccessKeyAuthenticator(
    { accessKey: 'LOOPBACKACCESSKEY001', secretKey: 'secret-of-the-loopback-access-key-001' },
    { id: PROJECT_ID, name: 'test' },
    new IamClient(iamTransport, endpoint, clock, upstream, log),
    clock,
    () => undefined,
  );
  const confidential = new ConfidentialTexts();
  const { transports, ...clients } = createDliClients({
    limits: {},
    egress: { certificates: undefined, proxy: undefined },
    authenticator,
    endpoint,
    clock,
    skew: new ClockSkew(clock, 'dli', { info: write, warn: write }),
    log,
    upstream,
    sampler,
    confidential,
    metrics: NO_METRICS,
  });
  onCleanup(async () => {
    await Promise.all([iamTransport, ...Object.values(transports)].map(each => each.close()));
    // The connections must be closed before the server closes.
    await setImmediate();
  });
  const context = (timeoutMs = 20_000): OperationContext => ({
    trace: { traceId: '0b67bf0abe6d9a8844030ded87109c9f', spanId: '00f067aa0ba902b7' },
    deadline: new Deadline(clock, timeoutMs),
  });
  return { ...clients, context, received, logged, sampler, confidential };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (body: string) => Promise<Answer>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { status = 200, body = '', isLost = false } = await answer(Buffer.concat(chunks).toString());
  if (isLost) {
    request.socket.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** The error that a call of a client throws. */
export async function errorOf(call: Promise<unknown>): Promise<DliError | UnknownOutcomeError> {
  const result = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (result instanceof DliError || result instanceof UnknownOutcomeError) return result;
  throw new TypeError('the call did not fail as a call to DLI fails', { cause: result });
}

/** The requests as `GET /path?query`. */
export function linesOf(requests: readonly ReceivedRequest[]): string[] {
  return requests.map(({ method, path, query }) => `${method} ${path}${query === '' ? '' : `?${query}`}`);
}
