import type { FastifyCorsOptions } from '@fastify/cors';

/** What pages of the listed origins may send, and read of an answer. */
export function corsOptions(origins: readonly string[]): FastifyCorsOptions {
  return {
    origin: [...origins],
    methods: ['POST'],
    allowedHeaders: ['content-type', 'authorization', 'apollo-require-preflight', 'traceparent'],
    exposedHeaders: ['x-request-id', 'retry-after'],
    maxAge: 600,
    strictPreflight: false,
  };
}
