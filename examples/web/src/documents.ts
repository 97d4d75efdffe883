import type { ApolloCache, TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import type {
  CreateDatasourceConnectionRulesQuery,
  DatasourceConnectionFieldsFragment,
  DatasourceConnectionsQuery,
  DatasourceServicesQuery,
} from 'dli-gateway-client';
import { DatasourceConnectionFieldsFragmentDoc } from 'dli-gateway-client';

/** A connection, as the list shows it. */
export type Connection = DatasourceConnectionsQuery['datasourceConnections']['items'][number];

/** A connection to the address of one service. */
export type ClassicConnection = Extract<Connection, { __typename: 'ClassicDatasourceConnection' }>;

/** A connection to a subnet of a VPC. */
export type EnhancedConnection = Extract<Connection, { __typename: 'EnhancedDatasourceConnection' }>;

/** A pool or queue that a connection is bound to. */
export type Binding = EnhancedConnection['bindings'][number];

/** A service, with the rule for its `url`. */
export type DatasourceServiceInfo = DatasourceServicesQuery['datasourceServices'][number];

/** The rule of a field of the input. */
export type InputFieldRule = CreateDatasourceConnectionRulesQuery['createDatasourceConnectionRules'][number];

/** The rules of the form. */
export interface FormRules {
  services: readonly DatasourceServiceInfo[];
  /** Of the input of a classic connection. */
  classic: readonly InputFieldRule[];
  /** Of the input of an enhanced connection. */
  enhanced: readonly InputFieldRule[];
}

const RULE = gql`
  fragment Rule on InputFieldRule {
    path
    required
    minLength
    maxLength
    maxItems
    pattern
    example
    rule
  }
`;

/** Reads the rules of the form. */
export const ReadFormRules: TypedDocumentNode<FormRules> = gql`
  query ReadFormRules {
    services: datasourceServices {
      service
      label
      urlPattern
      urlExample
      urlHint
      urlMaxLength
      urlRule
    }
    classic: createDatasourceConnectionRules {
      ...Rule
    }
    enhanced: createEnhancedDatasourceConnectionRules {
      ...Rule
    }
  }
  ${RULE}
`;

/** Puts a connection that did not come through Apollo Client into its cache, and so into everything that shows it. */
export function writeConnection(cache: ApolloCache, data: DatasourceConnectionFieldsFragment): void {
  const fragmentName = 'DatasourceConnectionFields';
  cache.writeFragment({ fragment: DatasourceConnectionFieldsFragmentDoc, fragmentName, data });
}
