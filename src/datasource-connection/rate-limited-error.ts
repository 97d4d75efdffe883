import { GraphQLError } from 'graphql';

/** The caller's tenant creates and deletes too much; nothing was done. Answered with HTTP status 429. */
export class RateLimitedError extends GraphQLError {
  constructor(retryAfterSeconds: number) {
    super('You create or delete too many connections at a time. Nothing was done; wait and send it again.', {
      extensions: { code: 'RATE_LIMITED', retryAfterSeconds, http: { status: 429 } },
    });
  }
}
