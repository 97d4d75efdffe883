/** A valid input of `createEnhancedDatasourceConnection`. */
export const VALID_ENHANCED_INPUT = {
  name: 'orders_vpc',
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};

/** The mutation with the fields of an invalid input. */
export const CREATE_ENHANCED_MUTATION = `
  mutation Create($input: CreateEnhancedDatasourceConnectionInput!) {
    createEnhancedDatasourceConnection(input: $input) {
      __typename
      ... on InvalidInputError { problems { path code message limit } }
      ... on UserError { message code }
    }
  }`;
