import { z } from 'zod';

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

/** A request for a token by password. Without `project`, for the account or for no scope at all. */
export interface TokenRequest {
  readonly name: string;
  readonly password: string;
  readonly domainName: string;
  readonly project: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined;
}

/** Reads the body of a token call; undefined when it is not the documented one. A project wins over a domain. */
export function readTokenBody(bytes: Buffer): TokenRequest | undefined {
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
