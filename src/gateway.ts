import 'reflect-metadata';

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { AuditLog } from './callers/audit-log.js';
import { openCallers } from './callers/open-callers.js';
import type { Config } from './config.js';
import { ConfigError } from './config.js';
import { isLoopback } from './config-forms.js';
import type { MutationParts } from './datasource-connection/datasource-connection.resolver.js';
import { DatasourceConnectionResolver } from './datasource-connection/datasource-connection.resolver.js';
import { DatasourceConnectionsResolver } from './datasource-connection/datasource-connections.resolver.js';
import { DatasourceServicesResolver } from './datasource-connection/datasource-services.resolver.js';
import { DeleteDatasourceConnectionResolver } from './datasource-connection/delete-datasource-connection.resolver.js';
import { RunningOperations } from './datasource-connection/running-operations.js';
import { createApolloServer } from './graphql/apollo-server.js';
import { buildGatewaySchema } from './graphql/schema.js';
import { SubscriptionEngine } from './graphql/subscription-engine.js';
import { findDocumentProblem, TrustedDocuments } from './graphql/trusted-documents.js';
import { createAdminApp } from './http/admin-app.js';
import { callerCheckOf } from './http/caller-check.js';
import { CLIENT_PATIENCE } from './http/client-patience.js';
import { createEventStreams } from './http/event-stream-handler.js';
import { explorerHandlerOf, landingPageOf } from './http/explorer.js';
import { addGraphqlRoute, GRAPHQL_PATH } from './http/graphql-route.js';
import { createHttpApp } from './http/http-app.js';
import { LoadMonitor } from './http/load-monitor.js';
import { webSocketHandlerOf } from './http/web-socket-handler.js';
import type { Clock } from './huawei-cloud/clock.js';
import { SYSTEM_CLOCK } from './huawei-cloud/clock.js';
import { openOnce } from './once/open-once.js';
import { parseRedisUrl } from './once/redis-url.js';
import { StoreUnusableError } from './once/store-unusable-error.js';
import { openReading } from './reading/open-reading.js';
import { framesOf } from './stack-frames.js';
import { openUpstream } from './upstream.js';

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

// What is under way ends by its own deadline; this is for writing and answering after it.
const DRAIN_MARGIN_MS = 5_000;

/**
 * Builds a gateway from its configuration; every collaborator is made here.
 *
 * @throws {ConfigError} when a trusted document does not fit the schema
 */
export async function createGateway(
  config: Config,
  logger: Logger,
  clock: Clock = SYSTEM_CLOCK,
  patience = CLIENT_PATIENCE,
): Promise<Gateway> {
  const trustedDocuments = checkDocuments(config.trustedDocuments);
  let isReady = false;
  let isStopping = false;
  const upstream = openUpstream(config, clock, logger);
  const { dli, skew } = upstream;
  const project = projectOf(config);
  const once = await openOnce({ config, project, dli, clock, log: logger }).catch(asConfigError);
  const redis = config.redisUrl === undefined ? undefined : parseRedisUrl(config.redisUrl);
  const callers = await openCallers({ config: config.callers, redis, clock, log: logger });
  // A level of its own: an audit must not end with the wish for a quieter log.
  const audit = new AuditLog(logger.child({ channel: 'audit' }, { level: 'info' }));
  const running = new RunningOperations();
  const reading = await openReading({
    config: {
      freshnessMs: config.readFreshnessMs,
      timeoutMs: config.operationTimeoutMs,
      followIntervalMs: config.followIntervalMs,
      readCallsPerSecond: config.readCallsPerSecond,
      followCallsPerSecond: config.followCallsPerSecond,
      redis,
      project,
      hasTenants: config.callers.tokens !== undefined,
    },
    dli,
    clock,
    log: logger,
    onBug: error => logger.error({ operation: 'follow', frames: framesOf(error) }, 'internal error'),
  });
  const { reads, follower } = reading;
  const mutationParts: MutationParts = {
    createLimit: callers.createLimit,
    clock,
    operationTimeoutMs: config.operationTimeoutMs,
    running,
    onChange: connectionId => follower.noteChange(connectionId),
  };
  const schema = buildGatewaySchema({
    datasourceConnection: new DatasourceConnectionResolver({ ...mutationParts, createOnce: once.create }),
    deleteDatasourceConnection: new DeleteDatasourceConnectionResolver({
      ...mutationParts,
      deleteOnce: once.delete,
    }),
    datasourceConnections: new DatasourceConnectionsResolver({ reads, follower }),
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
    patience,
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
    eventStreams: createEventStreams(engine, load, callers.connections),
    webSocketHandler: webSocketHandlerOf({
      engine,
      gate: callers.gate,
      connections: callers.connections,
      audit,
      load,
      patience,
      clock,
      trustedDocuments,
      isStopping: () => isStopping,
    }),
    corsOrigins: config.corsOrigins,
    checkCaller: callerCheckOf(callers.gate, audit),
    connections: callers.connections,
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
      once.start();
      upstream.start();
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
        follower.stopWaiting();
        await app.close();
        // Callers who left do not hold a connection open, but what they began must end all the same.
        await running.idle();
        await apollo.stop();
      } finally {
        clearTimeout(cutOff);
        load.close();
        await reading.close();
        await Promise.all([once.close(), callers.close(), upstream.stopReconciliation()]);
        await Promise.all([upstream.close(), admin.close()]);
      }
    },
  };
}

/** What tells a DLI project from others in a store: never by an access key, which is replaced while it runs. */
function projectOf({ region, dliEndpoint, projectId, credentials }: Config): string {
  const account = credentials.kind === 'iamUser' ? `${credentials.domainName}/` : '';
  return `${dliEndpoint.origin}/${projectId ?? account + region}`;
}

function checkDocuments(documents: Config['trustedDocuments']): TrustedDocuments | undefined {
  if (documents === undefined) return undefined;
  const problem = findDocumentProblem(buildGatewaySchema(), documents);
  if (problem === undefined) return new TrustedDocuments(documents);
  throw new ConfigError([{ key: 'TRUSTED_DOCUMENTS', rule: `holds a document that is refused, ${problem}` }]);
}

function asConfigError(error: unknown): never {
  if (!(error instanceof StoreUnusableError)) throw error;
  throw new ConfigError([{ key: error.setting, rule: error.problem }]);
}

async function open(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const { port: openPort } = app.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${openPort}`;
}
