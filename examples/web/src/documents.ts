import type { TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import type {
  CreateDatasourceConnectionRulesQuery,
  DatasourceConnectionsQuery,
  DatasourceServicesQuery,
} from 'dli-gateway-client';

/** A connection, as the list shows it. */
export type Connection = DatasourceConnectionsQuery['datasourceConnections']['items'][number];

/** A service, with the rule for its `url`. */
export type DatasourceServiceInfo = DatasourceServicesQuery['datasourceServices'][number];

/** The rule of a field of the input. */
export type InputFieldRule = CreateDatasourceConnectionRulesQuery['createDatasourceConnectionRules'][number];

/** The rules of the form. */
export interface FormRules {
  services: readonly DatasourceServiceInfo[];
  fields: readonly InputFieldRule[];
}

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
    fields: createDatasourceConnectionRules {
      path
      required
      minLength
      maxLength
      maxItems
      pattern
      example
      rule
    }
  }
`;
