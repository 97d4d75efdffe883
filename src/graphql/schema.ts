import 'reflect-metadata';

import { validateSync } from 'class-validator';
import type { GraphQLSchema } from 'graphql';
import { GraphQLError, lexicographicSortSchema, printSchema } from 'graphql';
import type { AuthChecker } from 'type-graphql';
import { ArgumentValidationError, buildSchemaSync } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { DatasourceConnectionResolver } from '../datasource-connection/create.resolver.js';
import { DeleteDatasourceConnectionResolver } from '../datasource-connection/delete.resolver.js';
import type { WatchRequest } from '../datasource-connection/read.resolver.js';
import { DatasourceConnectionsResolver } from '../datasource-connection/read.resolver.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { DatasourceServicesResolver } from '../datasource-connection/service.resolver.js';

/** The resolvers that answer the schema's fields. */
export interface Resolvers {
  datasourceConnection: DatasourceConnectionResolver;
  deleteDatasourceConnection: DeleteDatasourceConnectionResolver;
  datasourceConnections: DatasourceConnectionsResolver;
  datasourceServices: DatasourceServicesResolver;
}

/**
 * The gateway's executable schema.
 *
 * @param resolvers may be left out where nothing is executed, as for printing the schema
 */
export function buildGatewaySchema(resolvers?: Resolvers): GraphQLSchema {
  const instances = new Map<unknown, object | undefined>([
    [DatasourceConnectionResolver, resolvers?.datasourceConnection],
    [DeleteDatasourceConnectionResolver, resolvers?.deleteDatasourceConnection],
    [DatasourceConnectionsResolver, resolvers?.datasourceConnections],
    [DatasourceServicesResolver, resolvers?.datasourceServices],
  ]);
  return buildSchemaSync({
    resolvers: [
      DatasourceConnectionResolver,
      DeleteDatasourceConnectionResolver,
      DatasourceConnectionsResolver,
      DatasourceServicesResolver,
    ],
    container: {
      get(resolverClass) {
        const instance = instances.get(resolverClass);
        if (instance === undefined) throw new TypeError(`No instance of ${resolverClass.name}.`);
        return instance;
      },
    },
    authChecker: checkRoles,
    validateFn: validateArgument,
    pubSub: subscriptionsOf(resolvers),
  });
}

/** The text of `schema.graphql`: sorted, so that a difference shows what changed and nothing else. */
export function printGatewaySchema(): string {
  const note = '# Written by `npm run schema`. A change here changes the contract with every caller.';
  return `${note}\n\n${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`;
}

// type-graphql takes what is subscribed to from one source, and has its own words for it.
function subscriptionsOf(resolvers: Resolvers | undefined) {
  return {
    publish() {
      throw new TypeError('Observations come from the follower alone.');
    },
    subscribe(_topic: string, wish?: unknown) {
      if (resolvers === undefined) throw new TypeError('There is nothing to follow without resolvers.');
      return resolvers.datasourceConnections.follow(wish as WatchRequest);
    },
  };
}

// type-graphql's own call relaxes two rules and echoes the input. Scalars are GraphQL's to check.
function validateArgument(argument: unknown): void {
  if (typeof argument !== 'object' || argument === null) return;
  if (Array.isArray(argument)) {
    argument.forEach(validateArgument);
    return;
  }
  const errors = validateSync(argument, {
    forbidUnknownValues: true,
    whitelist: true,
    validationError: { target: false, value: false },
  });
  if (errors.length > 0) throw new ArgumentValidationError(errors);
}

/**
 * Lets a field be resolved for a caller who has every role that it is marked with.
 *
 * @throws {GraphQLError} FORBIDDEN otherwise
 */
const checkRoles: AuthChecker<RequestContext, Role> = ({ context }, roles) => {
  if (roles.every(role => context.caller.roles.has(role))) return true;
  throw new GraphQLError('Your access token does not give you the right to do this.', {
    extensions: { code: 'FORBIDDEN' },
  });
};
