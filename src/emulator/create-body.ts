import { z } from 'zod';
import { findServiceKind } from './service-kind.js';

const TAG_CHARACTERS = /^[\p{L}\p{N} _.:=+\-@]*$/u;
const noOuterSpaces = (text: string) => text.trim() === text;

const tagSchema = z.object({
  key: z
    .string()
    .min(1)
    .max(128)
    .regex(TAG_CHARACTERS)
    .refine(noOuterSpaces, 'must not start or end with a space')
    .refine(key => !key.startsWith('_sys_'), 'must not start with _sys_'),
  value: z
    .string()
    .max(255)
    .regex(TAG_CHARACTERS)
    .refine(noOuterSpaces, 'must not start or end with a space'),
});

/** The documented limits of a create body. Unknown fields pass: what the real service does with them is not known. */
const createBodySchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 digits, English letters, _ or -'),
  service: z.string().refine(service => findServiceKind(service) !== undefined, 'is not a supported service'),
  security_group_id: z.string().min(1),
  network_id: z.string().min(1),
  url: z.string().min(1).max(512),
  cluster_name: z.string().optional(),
  tags: z
    .array(tagSchema)
    .max(10)
    .refine(tags => new Set(tags.map(tag => tag.key)).size === tags.length, 'must not repeat a key')
    .optional(),
});

/** A create body that keeps the documented limits. */
type CreateBody = z.output<typeof createBodySchema>;

/** A checked body, or what is wrong with it in DLI's kind of words. */
export type ReadCreateBody =
  | { readonly body: CreateBody; readonly problem?: never }
  | { readonly problem: string; readonly body?: never };

/** Reads the body of a create call; reports the first problem only, as the service does. */
export function readCreateBody(bytes: Buffer): ReadCreateBody {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { problem: 'The request body is not valid JSON.' };
  }
  const result = createBodySchema.safeParse(value);
  if (result.success) return { body: result.data };
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  return field === ''
    ? { problem: 'The request body must be a JSON object.' }
    : { problem: `Parameter '${field}' is invalid: ${issue?.message ?? ''}` };
}

/** The name in a create body, whatever else is right or wrong with it. */
export function readName(bytes: Buffer): string | undefined {
  try {
    const { name } = JSON.parse(bytes.toString('utf8'));
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
