import 'reflect-metadata';

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { AuditLog } from './callers/audit-log.js';
import { openCallers } from './callers/open-callers.js';
import type { Config } from './config.js';
import { isLoopback } from './config-forms.js';
import { DatasourceConnectionResolver } from './datasource-connection/datasource-connection.resolver.js';
import { DatasourceServicesResolver } from './datasource-connection/datasource-services.resolver.js';
import { RunningOperations } from './datasource-connection/running-operations.js';
import { DliClient } from './dli/dli-client.js';
import { createApolloServer } from './graphql/apollo-server.js';
import { buildGatewaySchema } from './graphql/schema.js';
import { createAdminApp } from './http/admin-app.js';
import { callerCheckOf } from './http/caller-check.js';
import { explorerHandlerOf, landingPageOf } from './http/explorer.js';
import { addGraphqlRoute, GRAPHQL_PATH } from './http/graphql-route.js';
import { createHttpApp } from './http/http-app.js';
import { AccessKeyAuthenticator } from './huawei-cloud/access-key-authenticator.js';
import type { Authenticator } from './huawei-cloud/authentication.js';
import type { Clock } from './huawei-cloud/clock.js';
import { SYSTEM_CLOCK } from './huawei-cloud/clock.js';
import { ClockSkew } from './huawei-cloud/clock-skew.js';
import { IamClient } from './huawei-cloud/iam-client.js';
import { TokenAuthenticator } from './huawei-cloud/token-authenticator.js';
import { Transport } from './huawei-cloud/transport.js';
import { openOnce } from './once/open-once.js';
import { parseRedisUrl } from './once/redis-url.js';

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

/** Builds a gateway from its configuration; every collaborator is made here. */
export async function createGateway(
  config: Config,
  logger: Logger,
  clock: Clock = SYSTEM_CLOCK,
): Promise<Gateway> {
  let isReady = false;
  let isStopping = false;
  // Apart, so that calls waiting for DLI cannot keep the gateway from signing in.
  const skew = new ClockSkew(clock);
  const transport = new Transport({ skew });
  const iamTransport = new Transport({ maxConnections: 4 });
  const readTransport = new Transport({ maxConnections: 5, skew });
  const dli = new DliClient({
    transport,
    readTransport,
    authenticator: createAuthenticator(config, new IamClient(iamTransport, config.iamEndpoint, clock), clock),
    endpoint: config.dliEndpoint,
    clock,
    skew,
    log: logger,
  });
  const once = await openOnce({ config, dli, clock, log: logger });
  const callers = await openCallers({
    config: config.callers,
    redis: config.redisUrl === undefined ? undefined : parseRedisUrl(config.redisUrl),
    clock,
    log: logger,
  });
  // A level of its own: an audit must not end with the wish for a quieter log.
  const audit = new AuditLog(logger.child({ channel: 'audit' }, { level: 'info' }));
  const running = new RunningOperations();
  const schema = buildGatewaySchema({
    datasourceConnection: new DatasourceConnectionResolver({
      createOnce: once.create,
      createLimit: callers.createLimit,
      clock,
      operationTimeoutMs: config.operationTimeoutMs,
      running,
    }),
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
  const app = await createHttpApp({
    logger,
    corsOrigins: config.corsOrigins,
    isStopping: () => isStopping,
    isLocal: isLoopback(config.host),
    trustedProxies: config.trustedProxies,
  });
  addGraphqlRoute(app, {
    apollo,
    checkCaller: callerCheckOf(callers.gate, audit),
    explorer: explorerHandlerOf(config.explorer, apollo),
  });
  const readiness = () => {
    if (!isReady || isStopping) return 'stopping';
    return skew.isTooFar() ? 'clockSkew' : 'ready';
  };
  const admin = createAdminApp(logger, readiness);

  return {
    async listen() {
      const adminUrl = await open(admin, config.adminHost, config.adminPort);
      if (isStopping) return undefined;
      const url = await open(app, config.host, config.port);
      if (isStopping) return undefined;
      once.start();
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
        await app.close();
        // Callers who left do not hold a connection open, but what they began must end all the same.
        await running.idle();
        await apollo.stop();
      } finally {
        clearTimeout(cutOff);
        // A look into the list that hangs would hold up the end.
        await Promise.all([once.close(), callers.close(), readTransport.close()]);
        await Promise.all([transport.close(), iamTransport.close(), admin.close()]);
      }
    },
  };
}

function createAuthenticator(config: Config, iam: IamClient, clock: Clock): Authenticator {
  const { credentials, projectId, region } = config;
  if (credentials.kind === 'accessKey') {
    return new AccessKeyAuthenticator(credentials, { id: projectId, name: region }, iam, clock);
  }
  return new TokenAuthenticator(
    credentials,
    projectId === undefined ? { name: region } : { id: projectId },
    iam,
    clock,
  );
}

async function open(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const { port: openPort } = app.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${openPort}`;
}
