import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { DatasourceConnectionResolver } from '../datasource-connection/datasource-connection.resolver.js';
import { DatasourceServicesResolver } from '../datasource-connection/datasource-services.resolver.js';

/** The resolvers that answer the schema's fields. */
export interface Resolvers {
  datasourceConnection: DatasourceConnectionResolver;
  datasourceServices: DatasourceServicesResolver;
}

/** The gateway's executable schema. */
export function buildGatewaySchema(resolvers: Resolvers): GraphQLSchema {
  const instances = new Map<unknown, object>([
    [DatasourceConnectionResolver, resolvers.datasourceConnection],
    [DatasourceServicesResolver, resolvers.datasourceServices],
  ]);
  return buildSchemaSync({
    resolvers: [DatasourceConnectionResolver, DatasourceServicesResolver],
    container: {
      get(resolverClass) {
        const instance = instances.get(resolverClass);
        if (instance === undefined) throw new TypeError(`No instance of ${resolverClass.name}.`);
        return instance;
      },
    },
    // type-graphql validates only when told to, then relaxes two rules and echoes the input unless told not to.
    validate: {
      forbidUnknownValues: true,
      skipMissingProperties: false,
      whitelist: true,
      validationError: { target: false, value: false },
    },
  });
}
