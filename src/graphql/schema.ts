import 'reflect-metadata';

import { validateSync } from 'class-validator';
import type { GraphQLSchema } from 'graphql';
import { lexicographicSortSchema, printSchema } from 'graphql';
import type { AuthChecker, PubSub } from 'type-graphql';
import { ArgumentValidationError, buildSchemaSync } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { ListWatchRequest } from '../datasource-connection/change.resolver.js';
import { DatasourceConnectionChangesResolver, LIST_TOPIC } from '../datasource-connection/change.resolver.js';
import { CreateDatasourceConnectionResolver } from '../datasource-connection/create.resolver.js';
import { DeleteDatasourceConnectionResolver } from '../datasource-connection/delete.resolver.js';
import { PublicError } from '../datasource-connection/public-error.js';
import type { WatchRequest } from '../datasource-connection/read.resolver.js';
import { DatasourceConnectionsResolver } from '../datasource-connection/read.resolver.js';
import { toReadError } from '../datasource-connection/read-errors.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { DatasourceServicesResolver } from '../datasource-connection/service.resolver.js';
import { DatasourceConnectionBindingsResolver } from '../enhanced-connection/bindings.resolver.js';
import { CreateEnhancedDatasourceConnectionResolver } from '../enhanced-connection/create.resolver.js';
import { EnhancedDatasourceConnectionFieldsResolver } from '../enhanced-connection/fields.resolver.js';
import { EnhancedConnectionRulesResolver } from '../enhanced-connection/rules.resolver.js';
import { restoreHosts } from './long-host-list.js';

/** The resolver instances of the schema. */
export interface Resolvers {
  createDatasourceConnection: CreateDatasourceConnectionResolver;
  deleteDatasourceConnection: DeleteDatasourceConnectionResolver;
  datasourceConnections: DatasourceConnectionsResolver;
  datasourceConnectionChanges: DatasourceConnectionChangesResolver;
  datasourceServices: DatasourceServicesResolver;
  createEnhancedDatasourceConnection: CreateEnhancedDatasourceConnectionResolver;
  datasourceConnectionBindings: DatasourceConnectionBindingsResolver;
  enhancedDatasourceConnectionFields: EnhancedDatasourceConnectionFieldsResolver;
  enhancedConnectionRules: EnhancedConnectionRulesResolver;
}

const DESCRIPTION = `Creates, lists, follows, binds and deletes datasource connections, through which Huawei Cloud DLI reaches services in your network.

Three things to know:

1. A mutation returns a union: \`... on UserError { message code }\` next to the success covers every failure, also of kinds that are added later.
2. If a create gets no answer or an \`OutcomeUnknownError\`, repeat it with the same \`idempotencyKey\`: at most one connection is created. Every other mutation may be repeated at any time.
3. DLI takes minutes to create a classic connection, or to bind an enhanced one. Follow it with \`subscription datasourceConnection\`, or wait with \`waitSeconds\` in the query.`;

/** Builds the gateway's schema. Without resolvers it can be printed, but not executed. */
export function buildGatewaySchema(resolvers?: Resolvers): GraphQLSchema {
  const instances = new Map(Object.values(resolvers ?? {}).map((each: object) => [each.constructor, each]));
  const schema = buildSchemaSync({
    resolvers: [
      CreateDatasourceConnectionResolver,
      DeleteDatasourceConnectionResolver,
      DatasourceConnectionsResolver,
      DatasourceConnectionChangesResolver,
      DatasourceServicesResolver,
      CreateEnhancedDatasourceConnectionResolver,
      DatasourceConnectionBindingsResolver,
      EnhancedDatasourceConnectionFieldsResolver,
      EnhancedConnectionRulesResolver,
    ],
    container: {
      get(resolverClass) {
        const instance = instances.get(resolverClass);
        if (instance === undefined) throw new TypeError(`No instance of ${resolverClass.name}.`);
        return instance;
      },
    },
    authChecker: checkRoles,
    validateFn(argument: unknown, _type, { context }) {
      const { hosts } = context as RequestContext;
      if (hosts !== undefined) restoreHosts(argument, hosts);
      validateArgument(argument);
    },
    pubSub: subscriptionsOf(resolvers),
    // The check introspects the whole schema at every start; the first request and the tests find the same problems.
    skipCheck: true,
  });
  schema.description = DESCRIPTION;
  return schema;
}

/** Prints the text of `schema.graphql`. It is sorted, so that diffs show only real changes. */
export function printGatewaySchema(): string {
  const note = '# Written by `npm run schema`. A change here changes the contract with every caller.';
  return `${note}\n\n${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`;
}

// type-graphql gets events from a PubSub object. The payload of a topic is a watch request, which is not validated.
function subscriptionsOf(resolvers: Resolvers | undefined): PubSub {
  const subscribe = async (topic: string, request: unknown) => {
    if (resolvers === undefined) throw new TypeError('A schema without resolvers cannot be subscribed to.');
    try {
      validateArgument((request as WatchRequest | ListWatchRequest).args);
      if (topic !== LIST_TOPIC) return await resolvers.datasourceConnections.watch(request as WatchRequest);
      return await resolvers.datasourceConnectionChanges.watch(request as ListWatchRequest);
    } catch (error) {
      throw toReadError(error);
    }
  };
  return {
    publish() {
      throw new TypeError('Events come from the connection watcher only.');
    },
    // graphql-js waits for a promise, which the type does not allow.
    subscribe: subscribe as unknown as PubSub['subscribe'],
  };
}

// Replaces type-graphql's validation, which relaxes two rules and echoes the input. GraphQL has checked scalars.
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

const checkRoles: AuthChecker<RequestContext, Role> = ({ context }, roles) => {
  requireRoles(context, roles);
  return true;
};

/** @throws {PublicError} FORBIDDEN unless the caller has all these roles */
export function requireRoles({ caller }: RequestContext, roles: readonly Role[]): void {
  if (roles.every(role => caller.roles.has(role))) return;
  throw new PublicError('FORBIDDEN', 'Your access token does not give you the right to do this.');
}
