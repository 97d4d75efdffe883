import 'reflect-metadata';

import { validateSync } from 'class-validator';
import { GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import type { AuthChecker } from 'type-graphql';
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
import { restoreHosts } from './long-host-list.js';

/** The resolver instances of the schema. */
interface Resolvers {
  createDatasourceConnection: CreateDatasourceConnectionResolver;
  deleteDatasourceConnection: DeleteDatasourceConnectionResolver;
  datasourceConnections: DatasourceConnectionsResolver;
  datasourceConnectionChanges: DatasourceConnectionChangesResolver;
  datasourceServices: DatasourceServicesResolver;
}

const DESCRIPTION = `Creates, lists, follows and deletes datasource connections, through which Huawei Cloud DLI reaches services in your network.

Three things to know:

1. A mutation returns a union: \`... on UserError { message code }\` next to the success covers every failure, also of kinds that are added later.
2. If a create gets no answer or an \`OutcomeUnknownError\`, repeat it with the same \`idempotencyKey\`: at most one connection is created. A delete may be repeated at any time.
3. DLI takes minutes to create a connection. Follow it with \`subscription datasourceConnection\`, or wait with \`waitSeconds\` in the query.`;

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
  return new GraphQLSchema({ ...schema.toConfig(), description: DESCRIPTION });
}

/** Prints the text of `schema.graphql`. It is sorted, so that diffs show only real changes. */
export function printGatewaySchema(): string {
  const note = '# Written by `npm run schema`. A change here changes the contract with every caller.';
  return `${note}\n\n${printSchema(lexicographicSortSchema(buildGatewaySchema()))}\n`;
}

// type-graphql gets events from a PubSub object. The payload of a topic is a watch request here, which is not validated.
function subscriptionsOf(resolvers: Resolvers | undefined) {
  return {
    publish() {
      throw new TypeError('Events come from the connection watcher only.');
    },
    subscribe(topic: string, request?: unknown) {
      if (resolvers === undefined) throw new TypeError('A schema without resolvers cannot be subscribed to.');
      try {
        if (topic !== LIST_TOPIC) return resolvers.datasourceConnections.watch(request as WatchRequest);
        const listRequest = request as ListWatchRequest;
        validateArgument(listRequest.args);
        return resolvers.datasourceConnectionChanges.watch(listRequest);
      } catch (error) {
        throw toReadError(error);
      }
    },
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
