import type { Authenticator, CredentialUse } from '../huawei-cloud/authentication.js';
import type { Transport, UpstreamAnswer } from '../huawei-cloud/transport.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { Clock } from '../lib/time.js';
import { ConnectionBreaker } from './connection-breaker.js';
import type { CreateAttempt } from './create-attempt.js';
import { answeredAttempt, credentialVerdict, failedAttempt, recordOf } from './create-attempt.js';
import type { DliLog } from './dli-log.js';
import type { OperationScope } from './operation-scope.js';
import { RetryBudget } from './retry-budget.js';
import { SecondTries } from './second-try.js';
import { signIn } from './sign-in.js';

const MAX_ANSWER_BYTES = 1024 * 1024;

/** What sending creates takes. */
export interface CreateSenderOptions {
  transport: Transport;
  authenticator: Authenticator;
  clock: Clock;
  log: DliLog;
  /** The address of the collection in a project. */
  urlOf(projectId: string): URL;
}

/** Sends creates, within the limits that protect DLI, the credential and the callers from each other. */
export class CreateSender {
  readonly #options: CreateSenderOptions;
  readonly #breaker: ConnectionBreaker;
  readonly #budget: RetryBudget;

  constructor(options: CreateSenderOptions) {
    this.#options = options;
    this.#breaker = new ConnectionBreaker(options.clock, options.log);
    this.#budget = new RetryBudget(options.clock);
  }

  /**
   * How a create ended: by two requests at most, the second only when the first is proven not to have been
   * executed.
   *
   * @throws {DliError} when there was no authentication for it; nothing was created then
   */
  async send(body: string, scope: OperationScope): Promise<CreateAttempt> {
    let attempt = await this.#attempt(body, scope, false);
    if (attempt.verdict.kind === 'created') return attempt;
    const secondTries = new SecondTries(this.#budget, Math.random);
    while (await secondTries.mayFollow(attempt, scope.deadline)) {
      const isResent = attempt.isResent === true || attempt.verdict.kind !== 'notSent';
      attempt = { ...(await this.#attempt(body, scope, true)), isResent };
    }
    return attempt;
  }

  async #attempt(body: string, scope: OperationScope, isRetry: boolean): Promise<CreateAttempt> {
    const { authenticator, clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    let attempt: CreateAttempt;
    if (this.#breaker.isOpen()) {
      attempt = failedAttempt(new TransportError('BREAKER_OPEN', false));
    } else {
      const credential = await signIn(authenticator, log, scope);
      if (!isRetry) this.#budget.addCall();
      attempt = await this.#exchange(body, credential, scope);
      attempt.mayReauthenticate = credential.settle(credentialVerdict(attempt));
    }
    const record = recordOf(attempt, scope.traceId, clock.monotonicMs() - startedMs);
    log[attempt.verdict.kind === 'created' ? 'info' : 'warn'](record, 'create attempted');
    return attempt;
  }

  async #exchange(body: string, credential: CredentialUse, scope: OperationScope): Promise<CreateAttempt> {
    try {
      const answer = await this.#breaker.run(onSending => this.#post(body, credential, scope, onSending));
      return answeredAttempt(answer, credential.projectId, this.#options.clock.epochMs());
    } catch (error) {
      return failedAttempt(error);
    }
  }

  #post(
    body: string,
    credential: CredentialUse,
    { deadline }: OperationScope,
    onSending: () => void,
  ): Promise<UpstreamAnswer> {
    const url = this.#options.urlOf(credential.projectId);
    const headers = credential.headersFor({ method: 'POST', url, body });
    return this.#options.transport.send({
      method: 'POST',
      url,
      headers,
      body,
      deadline,
      maxBodyBytes: MAX_ANSWER_BYTES,
      onSending,
    });
  }
}
