import { z } from 'zod';

/** Schema of a number in a query. */
export const pageNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);

/** Parses a query, or reports its first problem, like the service. An empty value counts as absent. */
export function readQuery<Schema extends z.ZodType>(schema: Schema, text: string) {
  const given = [...new URLSearchParams(text)].filter(([, value]) => value !== '');
  const result = schema.safeParse(Object.fromEntries(given));
  return result.success ? { query: result.data } : { problem: firstProblem(result.error) };
}

/** Parses a body of a schema, or reports its first problem, like the service. */
export function readBodyAs<Schema extends z.ZodType>(schema: Schema, bytes: Buffer) {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { problem: 'The request body is not valid JSON.' };
  }
  const result = schema.safeParse(value);
  return result.success ? { body: result.data } : { problem: firstProblem(result.error) };
}

function firstProblem({ issues: [issue] }: z.ZodError): string {
  const field = issue?.path.join('.') ?? '';
  return field === ''
    ? 'The request body must be a JSON object.'
    : `Parameter '${field}' is invalid: ${issue?.message ?? ''}`;
}

/** Reads the connection name from a create body that may be invalid otherwise. */
export function readConnectionName(bytes: Buffer): string | undefined {
  return z.looseObject({ name: z.string() }).safeParse(parseJson(bytes)).data?.name;
}

/** Parses the JSON of a body. Returns undefined, which no JSON represents, if it is not valid. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
