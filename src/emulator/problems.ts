import type { z } from 'zod';

/** What is wrong with an input, one sentence fragment per problem, each beginning with the bad key. */
export function describeProblems(error: z.ZodError): string[] {
  return error.issues.map(issue => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
}
