import { randomUUID } from 'node:crypto';
import { Arg, Ctx, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { ConnectionRequest } from '../dli/connection.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { Deadline } from '../huawei-cloud/deadline.js';
import type { CreateOnce } from '../once/create-once.js';
import { answerInvalidInput } from '../user-error/answer-invalid-input.middleware.js';
import { CreateDatasourceConnectionInput } from './create-datasource-connection.input.js';
import { CreateDatasourceConnectionPayload } from './create-datasource-connection.payload.js';
import { toPayload } from './create-outcome-to-payload.js';
import type { RequestContext } from './request-context.js';
import type { RunningOperations } from './running-operations.js';

// Callers are not told apart yet, so all share one space of idempotency keys.
const TENANT = 'everybody';

/** Creates datasource connections. */
@Resolver()
export class DatasourceConnectionResolver {
  readonly #createOnce: CreateOnce;
  readonly #clock: Clock;
  readonly #operationTimeoutMs: number;
  readonly #running: RunningOperations;

  /** @param running counts creates, whose callers may leave before they end */
  constructor(createOnce: CreateOnce, clock: Clock, operationTimeoutMs: number, running: RunningOperations) {
    this.#createOnce = createOnce;
    this.#clock = clock;
    this.#operationTimeoutMs = operationTimeoutMs;
    this.#running = running;
  }

  @Mutation(() => CreateDatasourceConnectionPayload, {
    description:
      'Creates a connection through which DLI reaches a service in your network: at most one, however often the call is repeated with the same idempotency key.',
  })
  @UseMiddleware(answerInvalidInput)
  async createDatasourceConnection(
    @Arg('input', () => CreateDatasourceConnectionInput, { description: 'The connection to create.' })
    input: CreateDatasourceConnectionInput,
    @Ctx() { traceId }: RequestContext,
  ): Promise<typeof CreateDatasourceConnectionPayload> {
    const deadline = new Deadline(this.#clock, this.#operationTimeoutMs);
    const idempotencyKey = input.idempotencyKey ?? randomUUID();
    const call = { request: toConnectionRequest(input), idempotencyKey, tenant: TENANT };
    const outcome = await this.#running.run(() => this.#createOnce.create(call, { deadline, traceId }));
    return toPayload(outcome, input.name, idempotencyKey);
  }
}

function toConnectionRequest(input: CreateDatasourceConnectionInput): ConnectionRequest {
  const { name, service, securityGroupId, networkId, url, clusterName, tags } = input;
  return {
    name,
    service,
    securityGroupId,
    networkId,
    url,
    ...(clusterName != null && { clusterName }),
    ...(tags != null && { tags }),
  };
}
