import { Arg, Ctx, Mutation, Resolver, UseMiddleware } from 'type-graphql';
import type { ConnectionRequest } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { Deadline } from '../huawei-cloud/deadline.js';
import { answerInvalidInput } from '../user-error/answer-invalid-input.middleware.js';
import { CreateDatasourceConnectionInput } from './create-datasource-connection.input.js';
import {
  CreateDatasourceConnectionPayload,
  CreateDatasourceConnectionSuccess,
} from './create-datasource-connection.payload.js';
import { toUserError } from './dli-error-to-user-error.js';
import type { RequestContext } from './request-context.js';
import type { RunningOperations } from './running-operations.js';

/** Creates datasource connections. */
@Resolver()
export class DatasourceConnectionResolver {
  readonly #dli: DliClient;
  readonly #clock: Clock;
  readonly #operationTimeoutMs: number;
  readonly #running: RunningOperations;

  /** @param running counts creates, whose callers may leave before they end */
  constructor(dli: DliClient, clock: Clock, operationTimeoutMs: number, running: RunningOperations) {
    this.#dli = dli;
    this.#clock = clock;
    this.#operationTimeoutMs = operationTimeoutMs;
    this.#running = running;
  }

  @Mutation(() => CreateDatasourceConnectionPayload, {
    description: 'Creates a connection through which DLI reaches a service in your network.',
  })
  @UseMiddleware(answerInvalidInput)
  async createDatasourceConnection(
    @Arg('input', () => CreateDatasourceConnectionInput, { description: 'The connection to create.' })
    input: CreateDatasourceConnectionInput,
    @Ctx() { traceId }: RequestContext,
  ): Promise<typeof CreateDatasourceConnectionPayload> {
    const deadline = new Deadline(this.#clock, this.#operationTimeoutMs);
    try {
      const { id, message } = await this.#running.run(() =>
        this.#dli.createConnection(toConnectionRequest(input), { deadline, traceId }),
      );
      return new CreateDatasourceConnectionSuccess(id, message);
    } catch (error) {
      if (error instanceof DliError) return toUserError(error, input.name);
      throw error;
    }
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
