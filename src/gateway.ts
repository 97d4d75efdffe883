import 'reflect-metadata';

import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Backend, BackendLimits } from './composition/compose.js';
import { compose } from './composition/compose.js';
import { openMetrics, readinessReading } from './composition/metrics.js';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config.js';
import { DatasourceConnectionChangesResolver } from './datasource-connection/change.resolver.js';
import { CreateDatasourceConnectionResolver } from './datasource-connection/create.resolver.js';
import { DeleteDatasourceConnectionResolver } from './datasource-connection/delete.resolver.js';
import type { MutationDependencies } from './datasource-connection/mutation.js';
import { RunningOperations } from './datasource-connection/mutation.js';
import { DatasourceConnectionsResolver } from './datasource-connection/read.resolver.js';
import { ConnectionReferences } from './datasource-connection/references.js';
import { ResourceNames } from './datasource-connection/resource-names.js';
import { DatasourceServicesResolver } from './datasource-connection/service.resolver.js';
import { DatasourceConnectionBindingsResolver } from './enhanced-connection/bindings.resolver.js';
import { toConnectionType } from './enhanced-connection/connection.type.js';
import { CreateEnhancedDatasourceConnectionResolver } from './enhanced-connection/create.resolver.js';
import { EnhancedDatasourceConnectionFieldsResolver } from './enhanced-connection/fields.resolver.js';
import { EnhancedConnectionRulesResolver } from './enhanced-connection/rules.resolver.js';
import { describeCreate } from './enhanced-connection/to-create-payload.js';
import { createApolloServer } from './graphql/apollo-server.js';
import { addFederation } from './graphql/federation.js';
import type { Resolvers } from './graphql/schema.js';
import { buildGatewaySchema } from './graphql/schema.js';
import { SubscriptionEngine } from './graphql/subscriptions.js';
import { findDocumentProblems, TrustedDocuments } from './graphql/trusted-documents.js';
import type { GatewayParts } from './http/admin-server.js';
import { createAdminServer, readinessOf } from './http/admin-server.js';
import type { ConnectionLimits } from './http/client-connections.js';
import { createQuotas } from './http/client-connections.js';
import type { ClientTimeouts } from './http/client-timeouts.js';
import { CLIENT_TIMEOUTS } from './http/client-timeouts.js';
import { createExplorer, createLandingPage } from './http/explorer.js';
import { GRAPHQL_PATH, registerGraphqlRoute } from './http/graphql-route.js';
import { HostGuard } from './http/host-guard.js';
import { LoadShedder } from './http/load-shedder.js';
import type { OriginCheck } from './http/origins.js';
import { createOriginCheck } from './http/origins.js';
import { RequestLog } from './http/request-log.js';
import { RequestScheduler } from './http/request-scheduler.js';
import { createHttpServer } from './http/server.js';
import { createSseHandler } from './http/sse.js';
import { registerWebExample } from './http/web-example.js';
import { createWebSocketHandler } from './http/websocket.js';
import { isLoopback } from './lib/ip-address.js';
import type { Clock } from './lib/time.js';
import { SYSTEM_CLOCK } from './lib/time.js';

/** The addresses of a listening gateway. */
export interface GatewayAddresses {
  /** The GraphQL endpoint, which also serves the explorer. */
  graphqlUrl: string;
  /** The base URL of `/livez` and `/readyz`. */
  adminUrl: string;
  /** The address of the front end of `examples/web`, if it is served. */
  pageUrl?: string;
}

/** A gateway, created but not yet listening. */
export interface Gateway {
  /** Opens both ports. Resolves to undefined when the gateway was closed before both were open. */
  listen(): Promise<GatewayAddresses | undefined>;
  /**
   * Shuts down gracefully: is no longer ready but keeps serving for `shutdownDelayMs`, then refuses new requests, waits
   * for open ones, and releases everything. Connections that are still open 5 s after the operation timeout are closed.
   */
  close(): Promise<void>;
}

/** Limits that are constant in production; tests override them. */
export interface GatewayLimits extends BackendLimits, ConnectionLimits {
  clientTimeouts?: ClientTimeouts;
}

/** Options of {@link createGateway}. */
interface GatewayOptions {
  /** Default: the system clock. */
  clock?: Clock | undefined;
  limits?: GatewayLimits;
  /** Number of log lines that could not be written so far, for the metrics. Default: none. */
  droppedLogLines?: (() => number) | undefined;
}

// Operations end by their own deadline; the margin is for recording and sending their results.
const DRAIN_MARGIN_MS = 5_000;
// A change of the schema may break every document of a large list.
const MAX_DOCUMENT_PROBLEMS = 20;

/**
 * Creates a gateway from its configuration: the HTTP servers here, everything below them in {@link compose}.
 *
 * @throws {ConfigError} when a trusted document is invalid, or the operation store cannot be used
 */
export async function createGateway(
  config: Config,
  logger: Logger,
  { clock = SYSTEM_CLOCK, limits = {}, droppedLogLines = () => 0 }: GatewayOptions = {},
): Promise<Gateway> {
  const { clientTimeouts = CLIENT_TIMEOUTS } = limits;
  const trustedDocuments = checkDocuments(config.trustedDocuments);
  let isServing = false;
  // Between the two, load balancers notice that the gateway is no longer ready.
  const stopping = new AbortController();
  const closing = new AbortController();
  const metrics = await openMetrics(config, logger);
  const dependencies = { clock, log: logger, metrics, describeOutcome: describeCreate };
  const backend = await compose(config, dependencies, limits);
  const running = new RunningOperations();
  const mutationDependencies: MutationDependencies = {
    mutationLimit: backend.mutationLimit,
    clock,
    operationTimeoutMs: config.operationTimeoutMs,
    running,
    watcher: backend.watcher,
    metrics,
  };
  const ownSchema = buildGatewaySchema(createResolvers(backend, mutationDependencies));
  const references = new ConnectionReferences(backend.reader, toConnectionType);
  const schema = config.isSubgraph ? addFederation(ownSchema, references) : ownSchema;
  const execution = { schema, allowsIntrospection: config.explorer !== 'none', clock, log: logger, metrics };
  const { audit } = backend;
  const hasTenants = config.auth.tokens !== undefined;
  const quotas = createQuotas(hasTenants, limits, metrics);
  const { streams: streamQuota } = quotas;
  const apollo = createApolloServer({ ...execution, audit, landingPage: createLandingPage(config.explorer) });
  await apollo.start();
  const loadShedder = new LoadShedder(config.maxEventLoopDelayMs, metrics);
  const scheduler = hasTenants ? new RequestScheduler(loadShedder, metrics) : undefined;
  const requestLog = new RequestLog(logger, backend.sampler, metrics);
  const isListedOrigin = createOriginCheck(config.corsOrigins);
  const { app, connections } = await createHttpServer({
    logger,
    requestLog,
    isListedOrigin: config.corsOrigins.length > 0 ? isListedOrigin : undefined,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    stopping: stopping.signal,
    closing: closing.signal,
    loadShedder,
    shedsByTenant: hasTenants,
    clientTimeouts,
    quotas,
    hostGuard: createHostGuard(config, isListedOrigin, logger),
    trustedProxies: config.trustedProxies,
  });
  const engine = new SubscriptionEngine(execution);
  const guards = { authenticator: backend.callerAuthenticator, connections, streamQuota, audit, clock, metrics };
  registerGraphqlRoute(app, {
    ...guards,
    apollo,
    scheduler,
    sse: createSseHandler({ engine, loadShedder, streamQuota, scheduler, metrics }),
    webSocketHandler: createWebSocketHandler({
      ...guards,
      engine,
      scheduler,
      loadShedder,
      clientTimeouts,
      trustedDocuments,
      requestLog,
      closing: closing.signal,
    }),
    isListedOrigin,
    explorer: createExplorer(config.explorer, apollo),
    trustedDocuments,
  });
  const hasPage = config.isDevelopment && registerWebExample(app);
  const phaseOf = () => (stopping.signal.aborted ? 'stopping' : isServing ? 'serving' : 'starting');
  const parts = (): GatewayParts => ({
    phase: phaseOf(),
    acceptedShare: loadShedder.admitRatio,
    ...backend.parts(),
  });
  metrics.read('dli_gateway_log_lines_dropped_total', droppedLogLines);
  metrics.read('dli_gateway_ready', () => readinessReading(readinessOf(parts())));
  const admin = createAdminServer(logger, requestLog, clientTimeouts, parts, metrics.exposition);

  return {
    async listen() {
      const adminUrl = await open(admin, config.adminHost, config.adminPort);
      if (stopping.signal.aborted) return undefined;
      const url = await open(app, config.host, config.port);
      if (stopping.signal.aborted) return undefined;
      backend.start();
      loadShedder.start();
      isServing = true;
      return { graphqlUrl: `${url}${GRAPHQL_PATH}`, adminUrl, ...(hasPage && { pageUrl: `${url}/` }) };
    },
    async close() {
      stopping.abort();
      const hasClients = isServing;
      isServing = false;
      if (hasClients && config.shutdownDelayMs > 0) await delay(config.shutdownDelayMs);
      closing.abort();
      const forceClose = setTimeout(
        () => app.server.closeAllConnections(),
        config.operationTimeoutMs + DRAIN_MARGIN_MS,
      );
      try {
        backend.watcher.endWaits();
        await app.close();
        // Operations continue when their caller disconnects, so closing the server does not wait for them.
        await running.idle();
        await apollo.stop();
      } finally {
        clearTimeout(forceClose);
        loadShedder.close();
        await backend.stop();
        await Promise.all([backend.close(), admin.close()]);
      }
    },
  };
}

function createResolvers(backend: Backend, mutationDependencies: MutationDependencies): Resolvers {
  const { reader, watcher, directory } = backend;
  const { clock, operationTimeoutMs: timeoutMs } = mutationDependencies;
  const resourceNames = new ResourceNames({ directory, clock, timeoutMs });
  const readDependencies = { reader, watcher, resourceNames, toType: toConnectionType };
  return {
    createDatasourceConnection: new CreateDatasourceConnectionResolver({
      ...mutationDependencies,
      createConnection: backend.createConnection,
    }),
    createEnhancedDatasourceConnection: new CreateEnhancedDatasourceConnectionResolver({
      ...mutationDependencies,
      createEnhancedConnection: backend.createEnhancedConnection,
      reader,
    }),
    datasourceConnectionBindings: new DatasourceConnectionBindingsResolver({
      ...mutationDependencies,
      changeBindings: backend.changeBindings,
    }),
    deleteDatasourceConnection: new DeleteDatasourceConnectionResolver({
      ...mutationDependencies,
      deleteConnection: backend.deleteConnection,
      toType: toConnectionType,
    }),
    datasourceConnections: new DatasourceConnectionsResolver(readDependencies),
    datasourceConnectionChanges: new DatasourceConnectionChangesResolver(readDependencies),
    enhancedDatasourceConnectionFields: new EnhancedDatasourceConnectionFieldsResolver(backend.details),
    datasourceServices: new DatasourceServicesResolver(),
    enhancedConnectionRules: new EnhancedConnectionRulesResolver(),
  };
}

// A page of another site has no access token, so it does not matter which host name authenticated callers use.
function createHostGuard({ callerAuth, host, allowedHosts }: Config, isListedOrigin: OriginCheck, logger: Logger) {
  const withTokens = isLoopback(host) ? 'ownPages' : 'none';
  const appliesTo = callerAuth === 'none' ? 'all' : withTokens;
  return new HostGuard({ appliesTo, allowedHosts, isListedOrigin }, logger);
}

/**
 * Checks trusted documents against the schema. Undefined if there are none.
 *
 * @throws {ConfigError} naming the ids of the documents that are refused: of the first 20, with the number of others
 */
export function checkDocuments(documents: Config['trustedDocuments']): TrustedDocuments | undefined {
  if (documents === undefined) return undefined;
  const problems = findDocumentProblems(buildGatewaySchema(), documents);
  if (problems.length === 0) return new TrustedDocuments(documents);
  const rules = problems.slice(0, MAX_DOCUMENT_PROBLEMS).map(problem => `holds a document that is refused, ${problem}`);
  const others = problems.length - rules.length;
  if (others > 0) rules.push(`holds more documents that are refused: ${others}`);
  throw new ConfigError(rules.map(rule => ({ key: 'TRUSTED_DOCUMENTS', rule })));
}

async function open(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const { port: openPort } = app.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${openPort}`;
}
