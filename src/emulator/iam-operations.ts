import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { IssuedToken, TokenStore } from './authentication.js';
import { keystoneError } from './errors.js';
import type { EmulatorOptions, EmulatorProject } from './options.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { Call, Outcome } from './routes.js';

const MAX_BODY_BYTES = 32 * 1_024;

const nonEmpty = z.string().min(1);

const tokenBodySchema = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.tuple([z.literal('password')]),
      password: z.object({
        user: z.object({ name: nonEmpty, password: nonEmpty, domain: z.object({ name: nonEmpty }) }),
      }),
    }),
    scope: z
      .object({
        project: z
          .object({ id: nonEmpty.optional(), name: nonEmpty.optional() })
          .refine(project => project.id !== undefined || project.name !== undefined)
          .optional(),
        domain: z.unknown().optional(),
      })
      .optional(),
  }),
});

/** IAM's calls for tokens by password and for looking up projects. */
export class IamOperations {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly tokens: TokenStore,
  ) {}

  /** Gives out a token: 201, the token in `X-Subject-Token`. The only call that needs no authentication. */
  issueToken({ request, isDryRun }: Call): Outcome {
    if (request.body.length > MAX_BODY_BYTES)
      return {
        response: jsonResponse(400, { error_msg: 'The request body exceeds 32 KB.', error_code: 'IAM.1101' }),
      };
    const wanted = readTokenBody(request.body);
    if (wanted === undefined) return { response: keystoneError(400, 'The request body is invalid') };
    const user = this.options.users.find(
      known => known.name === wanted.name && known.domainName === wanted.domainName,
    );
    if (user === undefined || user.password !== wanted.password)
      return { response: keystoneError(401, 'The username or password is wrong.') };
    const project = this.#findProject(wanted.project);
    if (wanted.project !== undefined && project === undefined)
      return { response: keystoneError(404, 'Could not find the project of the requested scope.') };
    const token = this.tokens.create(user, project);
    if (!isDryRun) this.tokens.add(token);
    return { response: tokenResponse(token) };
  }

  /** Lists the account's projects, by name and page when the query says so. */
  listProjects({ request }: Call): Outcome {
    const query = new URLSearchParams(request.query);
    const name = query.get('name');
    const perPage = Number(query.get('per_page') ?? 5_000);
    const page = Number(query.get('page') ?? 1);
    if (!Number.isInteger(perPage) || perPage < 1 || perPage > 5_000 || !Number.isInteger(page) || page < 1)
      return { response: keystoneError(400, 'The page or per_page parameter is invalid.') };
    const projects = this.options.projects
      .filter(project => name === null || project.name === name)
      .slice((page - 1) * perPage, page * perPage)
      .map(project => this.#projectBody(project));
    const links = { self: `https://iam.myhuaweicloud.com${request.path}`, previous: null, next: null };
    return { response: jsonResponse(200, { projects, links }) };
  }

  #findProject(wanted: { id?: string | undefined; name?: string | undefined } | undefined) {
    if (wanted === undefined) return undefined;
    return this.options.projects.find(
      project =>
        (wanted.id === undefined || project.id === wanted.id) &&
        (wanted.name === undefined || project.name === wanted.name),
    );
  }

  #projectBody(project: EmulatorProject): object {
    const domainId = stableId(`domain:${this.options.users[0]?.domainName ?? ''}`);
    return {
      id: project.id,
      name: project.name,
      domain_id: domainId,
      parent_id: domainId,
      enabled: true,
      is_domain: false,
      description: '',
      links: { self: `https://iam.myhuaweicloud.com/v3/projects/${project.id}` },
    };
  }
}

function tokenResponse({ token, user, project, issuedAtMs, expiresAtMs }: IssuedToken): EmulatedResponse {
  const domain = { id: stableId(`domain:${user.domainName}`), name: user.domainName };
  const body = {
    token: {
      expires_at: microsecondTime(expiresAtMs),
      issued_at: microsecondTime(issuedAtMs),
      methods: ['password'],
      // Always empty, as with `nocatalog`: nothing but the emulator itself could be listed.
      catalog: [],
      roles: [{ id: '0', name: 'te_admin' }],
      ...(project === undefined ? { domain } : { project: { id: project.id, name: project.name, domain } }),
      user: { id: stableId(`user:${user.name}`), name: user.name, password_expires_at: '', domain },
    },
  };
  return jsonResponse(201, body, { 'x-subject-token': token });
}

function microsecondTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}

// IAM's ids are 32 hexadecimal characters; these are the same in every run.
function stableId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

/** A request for a token by password. Without `project`, for the account or for no scope at all. */
interface TokenRequest {
  readonly name: string;
  readonly password: string;
  readonly domainName: string;
  readonly project: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined;
}

/** Reads the body of a token call; undefined when it is not the documented one. A project wins over a domain. */
function readTokenBody(bytes: Buffer): TokenRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  const result = tokenBodySchema.safeParse(value);
  if (!result.success) return undefined;
  const { identity, scope } = result.data.auth;
  const { name, password, domain } = identity.password.user;
  return { name, password, domainName: domain.name, project: scope?.project };
}
