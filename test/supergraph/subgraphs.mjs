import { spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { DEFAULT_ACCESS_KEY, DEFAULT_PROJECT_NAME, DEFAULT_SECRET_KEY } from '../../dist/emulator/options.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Starts the built gateway with its emulator, as `npm run dev` does, on free ports. */
export async function startGateway() {
  const { find, close } = startProcess(['--dev'], {
    EMULATOR_PORT: '0',
    // Tests replace the connections that they want to be active.
    EMULATOR_CREATION_MS: '86400000',
    // No test may see what another has read.
    READ_FRESHNESS_MS: '0',
  });
  const [, url] = await find(/^ +GraphQL +(\S+)/);
  const [, emulatorUrl] = await find(/^ +Emulator +(\S+)/);
  return { url, emulatorUrl, close };
}

/** Starts the built gateway as in production, on an emulator, with an issuer of access tokens. */
export async function startGatewayWithTokens(emulatorUrl) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256' }] };
  const issuer = createServer((_request, response) => response.end(JSON.stringify(keys))).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  const issuerUrl = `http://127.0.0.1:${issuer.address().port}`;
  const dataDir = await mkdtemp(join(tmpdir(), 'dli-gateway-test-'));
  const { find, close } = startProcess([], {
    FEDERATION: 'true',
    DATA_DIR: dataDir,
    CALLER_AUTH: 'jwt',
    OIDC_ISSUER: issuerUrl,
    OIDC_JWKS_URI: issuerUrl,
    OIDC_AUDIENCE: 'supergraph',
    DLI_REGION: DEFAULT_PROJECT_NAME,
    DLI_ENDPOINT: emulatorUrl,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: emulatorUrl,
    HUAWEICLOUD_SDK_AK: DEFAULT_ACCESS_KEY,
    HUAWEICLOUD_SDK_SK: DEFAULT_SECRET_KEY,
  });
  const [line] = await find(/^.*"msg":"listening".*$/);
  return {
    url: JSON.parse(line).graphqlUrl,
    /** Signs a token with a scope. */
    sign(scope) {
      const claims = { iss: issuerUrl, aud: 'supergraph', sub: 'u', scope, exp: Math.floor(Date.now() / 1_000) + 600 };
      const parts = [{ alg: 'RS256', typ: 'at+jwt', kid: 'k' }, claims];
      const text = parts.map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    async close() {
      await close();
      issuer.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function startProcess(args, environment) {
  const env = { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    /** Waits for the next line that matches. */
    async find(pattern) {
      for (;;) {
        const { done, value } = await lines.next();
        if (done) throw new Error(`The gateway ended without ${pattern}.`);
        const found = pattern.exec(value);
        if (found !== null) return found;
      }
    },
    async close() {
      child.kill();
      await closed;
    },
  };
}

/** The subgraph of another team: it refers to connections by their ids, and adds a field to them. */
const DATASETS = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@interfaceObject"])

  type Query {
    datasets: [Dataset!]!
  }

  type Dataset @key(fields: "id") {
    id: ID!
    connection: DatasourceConnection
  }

  type DatasourceConnection @key(fields: "id") @interfaceObject {
    id: ID!
    datasets: [Dataset!]!
  }
`;

/** Starts the other subgraph with datasets, each of which has an `id` and a `connectionId`, on a free port. */
export async function startDatasets(datasets) {
  const toDataset = ({ id, connectionId }) => ({ id, connection: { id: connectionId } });
  const resolvers = {
    Query: { datasets: () => datasets.map(toDataset) },
    DatasourceConnection: {
      __resolveReference: ({ id }) => ({ id }),
      datasets: ({ id }) => datasets.filter(({ connectionId }) => connectionId === id).map(toDataset),
    },
    Dataset: { __resolveReference: ({ id }) => datasets.filter(dataset => dataset.id === id).map(toDataset)[0] },
  };
  const server = new ApolloServer({ schema: buildSubgraphSchema({ typeDefs: parse(DATASETS), resolvers }) });
  const { url } = await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } });
  return { url, close: () => server.stop() };
}

/** Sends a GraphQL request. */
export async function postGraphql(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.json();
}
