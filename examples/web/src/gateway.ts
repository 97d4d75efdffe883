import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import type {
  CreateDatasourceConnectionInput,
  CreateEnhancedDatasourceConnectionInput,
  CreateEnhancedPayload,
  CreatePayload,
  Retry,
} from 'dli-gateway-client';
import { createClient } from 'dli-gateway-client';
import { apolloCacheConfig } from 'dli-gateway-client/apollo';

/** Where the gateway is: at the origin of the page, unless the build says otherwise. */
const URL_OF_GATEWAY = import.meta.env['VITE_GATEWAY_URL'] ?? new URL('/graphql', location.href).href;

// In memory only: a token in the storage of the browser could be read by every script of the origin.
let token: string | undefined;

/** Whether an access token was entered. */
export const hasToken = () => token !== undefined;

/** Sets the access token of all requests that follow; an empty one is none. */
export function setToken(text: string): void {
  token = text === '' ? undefined : text;
}

/** Creates, binds, follows and deletes connections: everything that has to be repeated until its outcome is known. */
export const gateway = createClient({ url: URL_OF_GATEWAY, token: () => token });

/** Creates the client for queries. */
export function createApolloClient(): ApolloClient {
  const withToken = new SetContextLink(({ headers }) => ({
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  }));
  return new ApolloClient({
    link: withToken.concat(new HttpLink({ uri: URL_OF_GATEWAY })),
    cache: new InMemoryCache(apolloCacheConfig),
  });
}

/** What the form asks for. The key is added when it is sent. */
export type NewConnection =
  | { kind: 'CLASSIC'; input: Omit<CreateDatasourceConnectionInput, 'idempotencyKey' | 'clusterName'> }
  | { kind: 'ENHANCED'; input: Omit<CreateEnhancedDatasourceConnectionInput, 'idempotencyKey'> };

/** The answer to a create of either kind. */
export type AnyCreatePayload = CreatePayload | CreateEnhancedPayload;

/** How a call can be stopped, and what is told of its repeats. */
export interface RunOptions<T extends AnyPayload = AnyPayload> {
  signal: AbortSignal;
  onRetry(retry: Retry<T>): void;
}

/** Creates a connection of either kind. */
export function createConnection(
  { kind, input }: NewConnection,
  idempotencyKey: string,
  options: RunOptions,
): Promise<AnyCreatePayload> {
  return kind === 'CLASSIC'
    ? gateway.createDatasourceConnection({ ...input, idempotencyKey }, options)
    : gateway.createEnhancedDatasourceConnection({ ...input, idempotencyKey }, options);
}

/** What the answers to all mutations have. */
interface AnyPayload {
  __typename: string;
  message?: string;
}

/** What the page shows while a call is repeated. */
export interface Progress {
  /** Whether the call may have done something already. */
  isUnknown: boolean;
  message: string;
  /** How many attempts have been made. */
  attempts: number;
  waitSeconds: number;
}

/** Reads why a call is repeated. */
export function progressOf({ attempt, delayMs, answer }: Retry<AnyPayload>): Progress {
  const isUnknown = answer === undefined || /Unknown/.test(answer.__typename);
  const message =
    !isUnknown && answer.message !== undefined
      ? answer.message
      : 'There is no clear answer yet. The same request is repeated with the same key until there is one.';
  return { isUnknown, message, attempts: attempt, waitSeconds: Math.ceil(delayMs / 1_000) };
}
