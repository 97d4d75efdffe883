import type { DocumentNode } from 'graphql';

/** A document with the types of its result and variables, as Apollo Client, urql and graphql-request understand it. */
export interface TypedDocumentNode<TResult = Record<string, unknown>, TVariables = Record<string, unknown>>
  extends DocumentNode {
  /** Never present; carries the types. */
  __apiType?: (variables: TVariables) => TResult;
}
