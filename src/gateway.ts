import 'reflect-metadata';

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { BackendLimits } from './compose.js';
import { compose } from './compose.js';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config.js';
import { isLoopback } from './config/env-schema.js';
import { DatasourceConnectionResolver } from './datasource-connection/create.resolver.js';
import { DeleteDatasourceConnectionResolver } from './datasource-connection/delete.resolver.js';
import type { MutationParts } from './datasource-connection/mutation.js';
import { RunningOperations } from './datasource-connection/mutation.js';
import { DatasourceConnectionsResolver } from './datasource-connection/read.resolver.js';
import { DatasourceServicesResolver } from './datasource-connection/service.resolver.js';
import { createApolloServer } from './graphql/apollo-server.js';
import { buildGatewaySchema } from './graphql/schema.js';
import { SubscriptionEngine } from './graphql/subscriptions.js';
import { findDocumentProblem, TrustedDocuments } from './graphql/trusted-documents.js';
import { createAdminApp } from './http/admin-server.js';
import { callerCheckOf } from './http/authentication.js';
import type { ClientTimeouts } from './http/client-timeouts.js';
import { CLIENT_TIMEOUTS } from './http/client-timeouts.js';
import { explorerHandlerOf, landingPageOf } from './http/explorer.js';
import { addGraphqlRoute, GRAPHQL_PATH } from './http/graphql-route.js';
import { LoadMonitor } from './http/load-shedder.js';
import { createHttpApp } from './http/server.js';
import { createEventStreams } from './http/sse.js';
import { webSocketHandlerOf } from './http/websocket.js';
import type { Clock } from './lib/time.js';
import { SYSTEM_CLOCK } from './lib/time.js';
import { StoreConfigError } from './operation-store/operation-store.js';

/** Where a listening gateway answers. */
export interface GatewayAddresses {
  /** The GraphQL endpoint, which is also the explorer's page. */
  graphqlUrl: string;
  /** The base address of `/livez` and `/readyz`. */
  adminUrl: string;
}

/** A gateway that has not necessarily begun to listen. */
export interface Gateway {
  /** Opens both ports; undefined when it was closed before both were open. */
  listen(): Promise<GatewayAddresses | undefined>;
  /** Refuses new work, finishes what is under way, for at most 5 s longer than an operation may take, then frees everything. */
  close(): Promise<void>;
}

/** Limits that are fixed but for tests. */
export interface GatewayLimits extends BackendLimits {
  clientTimeouts?: ClientTimeouts;
}

// What is under way ends by its own deadline; this is for writing and answering after it.
const DRAIN_MARGIN_MS = 5_000;

/**
 * Builds a gateway from its configuration: the servers here, what is below them in {@link compose}.
 *
 * @throws {ConfigError} when a trusted document does not fit the schema
 */
export async function createGateway(
  config: Config,
  logger: Logger,
  clock: Clock = SYSTEM_CLOCK,
  limits: GatewayLimits = {},
): Promise<Gateway> {
  const { clientTimeouts = CLIENT_TIMEOUTS } = limits;
  const trustedDocuments = checkDocuments(config.trustedDocuments);
  let isReady = false;
  let isStopping = false;
  const backend = await compose(config, clock, logger, limits).catch(asConfigError);
  const { skew, createConnection, deleteConnection, reader, watcher, gate, createLimit, connections, audit } =
    backend;
  const running = new RunningOperations();
  const mutationParts: MutationParts = {
    createLimit,
    clock,
    operationTimeoutMs: config.operationTimeoutMs,
    running,
    onChange: connectionId => watcher.invalidate(connectionId),
  };
  const schema = buildGatewaySchema({
    datasourceConnection: new DatasourceConnectionResolver({ ...mutationParts, createConnection }),
    deleteDatasourceConnection: new DeleteDatasourceConnectionResolver({
      ...mutationParts,
      deleteConnection,
    }),
    datasourceConnections: new DatasourceConnectionsResolver({ reader, watcher }),
    datasourceServices: new DatasourceServicesResolver(),
  });
  const landingPage = landingPageOf(config.explorer);
  const apollo = createApolloServer({
    schema,
    introspection: config.explorer !== 'none',
    log: logger,
    audit,
    ...(landingPage !== undefined && { landingPage }),
  });
  await apollo.start();
  const load = new LoadMonitor(config.maxEventLoopDelayMs);
  const app = await createHttpApp({
    logger,
    corsOrigins: config.corsOrigins,
    isStopping: () => isStopping,
    load,
    clientTimeouts,
    isLocal: isLoopback(config.host),
    trustedProxies: config.trustedProxies,
  });
  const engine = new SubscriptionEngine({
    schema,
    introspection: config.explorer !== 'none',
    clock,
    log: logger,
  });
  addGraphqlRoute(app, {
    apollo,
    eventStreams: createEventStreams(engine, load, connections),
    webSocketHandler: webSocketHandlerOf({
      engine,
      gate,
      connections,
      audit,
      load,
      clientTimeouts,
      clock,
      trustedDocuments,
      isStopping: () => isStopping,
    }),
    corsOrigins: config.corsOrigins,
    checkCaller: callerCheckOf(gate, audit),
    connections,
    explorer: explorerHandlerOf(config.explorer, apollo),
    trustedDocuments,
  });
  const readiness = () => {
    if (!isReady || isStopping) return 'stopping';
    if (skew.isTooFar()) return 'clockSkew';
    return load.isOverloaded() ? 'overloaded' : 'ready';
  };
  const admin = createAdminApp(logger, readiness);

  return {
    async listen() {
      const adminUrl = await open(admin, config.adminHost, config.adminPort);
      if (isStopping) return undefined;
      const url = await open(app, config.host, config.port);
      if (isStopping) return undefined;
      backend.start();
      load.start();
      isReady = true;
      return { graphqlUrl: `${url}${GRAPHQL_PATH}`, adminUrl };
    },
    async close() {
      isStopping = true;
      const cutOff = setTimeout(
        () => app.server.closeAllConnections(),
        config.operationTimeoutMs + DRAIN_MARGIN_MS,
      );
      try {
        watcher.endWaits();
        await app.close();
        // Callers who left do not hold a connection open, but what they began must end all the same.
        await running.idle();
        await apollo.stop();
      } finally {
        clearTimeout(cutOff);
        load.close();
        await backend.stop();
        await Promise.all([backend.close(), admin.close()]);
      }
    },
  };
}

function checkDocuments(documents: Config['trustedDocuments']): TrustedDocuments | undefined {
  if (documents === undefined) return undefined;
  const problem = findDocumentProblem(buildGatewaySchema(), documents);
  if (problem === undefined) return new TrustedDocuments(documents);
  throw new ConfigError([{ key: 'TRUSTED_DOCUMENTS', rule: `holds a document that is refused, ${problem}` }]);
}

function asConfigError(error: unknown): never {
  if (!(error instanceof StoreConfigError)) throw error;
  throw new ConfigError([{ key: error.setting, rule: error.problem }]);
}

async function open(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const { port: openPort } = app.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${openPort}`;
}
