import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { IssuedToken, TokenStore } from './authentication.js';
import { keystoneError } from './errors.js';
import type { EmulatorOptions, EmulatorProject } from './options.js';
import { parseJson } from './request-input.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { Call } from './routes.js';

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

/** The IAM operations that issue tokens by password and list projects. */
export class IamOperations {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly tokens: TokenStore,
  ) {}

  /** Issues a token: 201 with the token in `X-Subject-Token`. The only operation without authentication. */
  issueToken({ request, isDryRun }: Call): EmulatedResponse {
    if (request.body.length > MAX_BODY_BYTES)
      return jsonResponse(400, { error_msg: 'The request body exceeds 32 KB.', error_code: 'IAM.1101' });
    const { data } = tokenBodySchema.safeParse(parseJson(request.body));
    if (data === undefined) return keystoneError(400, 'The request body is invalid');
    const { name, password, domain } = data.auth.identity.password.user;
    const user = this.options.users.find(known => known.name === name && known.domainName === domain.name);
    if (user === undefined || user.password !== password)
      return keystoneError(401, 'The username or password is wrong.');
    // A project takes precedence over a domain.
    const requested = data.auth.scope?.project;
    const project = requested && this.#findProject(requested);
    if (requested !== undefined && project === undefined)
      return keystoneError(404, 'Could not find the project of the requested scope.');
    const token = this.tokens.create(user, project);
    if (!isDryRun) this.tokens.add(token);
    return tokenResponse(token);
  }

  /** Lists a page of the projects, optionally only those with a name. */
  listProjects({ request }: Call): EmulatedResponse {
    const query = new URLSearchParams(request.query);
    const name = query.get('name');
    const perPage = Number(query.get('per_page') ?? 5_000);
    const page = Number(query.get('page') ?? 1);
    if (!Number.isInteger(perPage) || perPage < 1 || perPage > 5_000 || !Number.isInteger(page) || page < 1)
      return keystoneError(400, 'The page or per_page parameter is invalid.');
    const projects = this.options.projects
      .filter(project => name === null || project.name === name)
      .slice((page - 1) * perPage, page * perPage)
      .map(project => this.#projectBody(project));
    const links = { self: `https://iam.myhuaweicloud.com${request.path}`, previous: null, next: null };
    return jsonResponse(200, { projects, links });
  }

  #findProject({ id, name }: { id?: string | undefined; name?: string | undefined }) {
    return this.options.projects.find(
      project => (id === undefined || project.id === id) && (name === undefined || project.name === name),
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
      // Empty, as with `nocatalog`: the emulator has no other services.
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

// Ids of IAM have 32 hexadecimal digits. These are deterministic.
function stableId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}
