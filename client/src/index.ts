export type { Client, ClientOptions, FollowOptions, SubscribeOptions } from './client.js';
export { createClient } from './client.js';
export type { GraphqlError } from './failure.js';
export { GatewayError, UndecidedError } from './failure.js';
export * from './generated/documents.js';
export { possibleTypes } from './generated/possible-types.js';
export type {
  BindPayload,
  CreateEnhancedPayload,
  CreatePayload,
  DeleteOptions,
  DeletePayload,
  MutationOptions,
  Mutations,
  UnbindPayload,
} from './mutations.js';
export type { Answer, RepeatOptions, Retry } from './repeat.js';
export { RETRYABLE_MEMBERS, repeatUntilDecided } from './repeat.js';
export type { TypedDocumentNode } from './typed-document-node.js';
