import type { Options } from 'ky';
import { z } from 'zod';
import type { Logger, TraceContext } from '../lib/logger.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { AuthenticationError, PROJECT_ID_PATTERN } from './authenticator.js';
import type { KyClient } from './ky-client.js';
import { createKyClient } from './ky-client.js';
import type { Transport } from './transport.js';
import { isDateRefused } from './transport.js';
import { TransportError } from './transport-error.js';
import type { CallDetails, UpstreamLog, UpstreamOperations } from './upstream-log.js';

/** An IAM user who authenticates by password. */
export interface IamUser {
  name: string;
  password: string;
  domainName: string;
}

/** An IAM token scoped to one project. */
interface IamToken {
  token: string;
  projectId: string;
  /** Remaining life in milliseconds, by IAM's clock. */
  lifeMs: number;
}

/** The project of a token: its id, or its name in IAM (the region). */
export type ProjectScope = { id: string } | { name: string };

// Callers get an error within 5.5 s if IAM is down; the difference allows for a busy machine.
const IAM_TIMEOUT_MS = 4_500;
// A token with less life left is unusable and would be requested again with every call.
const MIN_LIFE_MS = 1_000;
const MAX_RESPONSE_BYTES = 1024 * 1024;

const projectId = z.string().regex(PROJECT_ID_PATTERN);
const tokenBody = z.object({
  token: z.object({
    issued_at: z.iso.datetime().optional(),
    expires_at: z.iso.datetime(),
    project: z.object({ id: projectId }),
  }),
});
const projectsBody = z.object({ projects: z.array(z.object({ id: projectId, name: z.string() })) });

/** Log of errors of the gateway itself during a call. */
type BugLog = Pick<
  Logger<TraceContext & { operation: UpstreamOperations['iam']; errorName: string; frames: string[] }>,
  'error'
>;

/** Client for the two IAM operations that the gateway needs. Source: docs/sources.md, IAM. */
export class IamClient {
  readonly #http: KyClient;

  constructor(
    transport: Transport,
    private readonly endpoint: URL,
    private readonly clock: Clock,
    private readonly upstream: UpstreamLog,
    private readonly log: BugLog,
  ) {
    this.#http = createKyClient(transport);
  }

  /**
   * Issues a token by password, scoped to one project.
   *
   * @throws {AuthenticationError}
   */
  async issueToken(user: IamUser, project: ProjectScope, trace: TraceContext): Promise<IamToken> {
    const { name, password, domainName } = user;
    const identity = {
      methods: ['password'],
      password: { user: { name, password, domain: { name: domainName } } },
    };
    const url = new URL('/v3/auth/tokens?nocatalog=true', this.endpoint);
    const options = { method: 'POST', json: { auth: { identity, scope: { project } } } };
    return this.#call('issueToken', url, options, trace, readToken);
  }

  /**
   * Finds the id of a project by its name.
   *
   * @param headersFor returns the headers that authenticate the lookup
   * @throws {AuthenticationError} also if there is no such project, or more than one
   */
  async findProjectId(
    name: string,
    headersFor: (url: URL) => Record<string, string>,
    trace: TraceContext,
  ): Promise<string> {
    const url = new URL('/v3/projects', this.endpoint);
    url.searchParams.set('name', name);
    const listed = await this.#listProjects(url, headersFor(url), trace);
    const projects = listed.filter(project => project.name === name);
    const [project] = projects;
    if (project !== undefined && projects.length === 1) return project.id;
    throw new AuthenticationError(
      'REFUSED',
      `IAM lists ${projects.length} projects named like the region, not exactly one: set HUAWEICLOUD_SDK_PROJECT_ID.`,
    );
  }

  async #listProjects(url: URL, headers: Record<string, string>, trace: TraceContext) {
    try {
      const { projects } = await this.#call('listProjects', url, { headers }, trace, response =>
        read(response, 200, projectsBody),
      );
      return projects;
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const remedy = 'With HUAWEICLOUD_SDK_PROJECT_ID set, no project is looked up.';
      const { failure, message, retryAfterSeconds, isSignatureExpired } = error;
      throw new AuthenticationError(failure, `${message} ${remedy}`, retryAfterSeconds, isSignatureExpired);
    }
  }

  async #call<T>(
    operation: UpstreamOperations['iam'],
    url: URL,
    options: Options,
    trace: TraceContext,
    readResponse: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { clock, upstream } = this;
    const startedMs = clock.monotonicMs();
    const details: CallDetails = { outcome: 'OK', mayHaveBeenSent: true };
    try {
      const response = await this.#send(url, options);
      details.status = response.status;
      return await readResponse(response);
    } catch (error) {
      if (error instanceof TransportError) {
        const { failure: errorType, causeCode, mayHaveBeenSent } = error;
        Object.assign(details, { outcome: 'UNAVAILABLE', errorType, causeCode, mayHaveBeenSent });
        const cause = causeCode === undefined ? errorType : `${errorType}, ${causeCode}`;
        throw new AuthenticationError('UNAVAILABLE', `IAM did not respond (${cause}).`);
      }
      if (error instanceof AuthenticationError) {
        details.outcome = error.failure;
      } else {
        details.outcome = 'INTERNAL';
        // Here, because nobody waits for a renewal in the background.
        logBug(this.log, { ...trace, operation }, error);
      }
      throw error;
    } finally {
      upstream.write({ trace, target: 'iam', operation, durationMs: clock.monotonicMs() - startedMs, ...details });
    }
  }

  #send(url: URL, options: Options): Promise<Response> {
    const limits = { deadline: new Deadline(this.clock, IAM_TIMEOUT_MS), maxBodyBytes: MAX_RESPONSE_BYTES };
    return this.#http(url, { ...options, limits });
  }
}

async function readToken(response: Response): Promise<IamToken> {
  const { token } = await read(response, 201, tokenBody);
  const value = response.headers.get('x-subject-token');
  if (value === null || !/^[\x21-\x7e]+$/.test(value)) throw unreadable();
  // All times are IAM's, so local clock skew does not matter.
  const nowMs = Date.parse(response.headers.get('date') ?? '') || Date.parse(token.issued_at ?? '');
  const lifeMs = Date.parse(token.expires_at) - nowMs;
  if (!(lifeMs >= MIN_LIFE_MS)) throw unreadable();
  return { token: value, projectId: token.project.id, lifeMs };
}

async function read<T>(response: Response, expectedStatus: number, shape: z.ZodType<T>): Promise<T> {
  if (response.status !== expectedStatus) throw await refusal(response);
  const body: unknown = await response.json().catch(() => undefined);
  const result = shape.safeParse(body);
  if (!result.success) throw unreadable();
  return result.data;
}

// 408, 429 and 5xx are transient; any other error persists until the credentials or the project change.
async function refusal(response: Response): Promise<AuthenticationError> {
  const { status } = response;
  const isSignatureExpired = isDateRefused({ status, text: await response.text() });
  const isTransient = status === 408 || status === 429 || status >= 500;
  const failure = isTransient ? 'UNAVAILABLE' : status === 401 ? 'CREDENTIAL_REFUSED' : 'REFUSED';
  return new AuthenticationError(failure, `IAM responded with status ${status}.`, 1, isSignatureExpired);
}

function unreadable(): AuthenticationError {
  return new AuthenticationError('UNAVAILABLE', 'IAM sent a response that cannot be read.');
}
