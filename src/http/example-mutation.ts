/** The mutation that an explorer starts with. */
export const EXAMPLE_MUTATION = `mutation CreateConnection {
  createDatasourceConnection(
    input: {
      name: "orders_pg"
      service: RDS
      securityGroupId: "a07ab107-a4ad-4835-ad09-08a2f2efccdb"
      networkId: "e83ba67d-e812-42d3-908d-6ea0b2cc5ecb"
      url: "192.168.0.12:5432"
    }
  ) {
    __typename
    ... on CreateDatasourceConnectionSuccess {
      connectionId
      hint: message
    }
    ... on InvalidInputError {
      problems {
        path
        message
      }
    }
    ... on UserError {
      message
      code
    }
  }
}
`;
