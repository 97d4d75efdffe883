import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Child, ChildProcesses } from '../bench/child-processes.js';
import { blameChild, findFreePort } from '../bench/child-processes.js';
import { CREDENTIALS } from './emulator.js';

const START_POLL_MS = 50;

/** A gateway in its own process. */
export interface GatewayProcess {
  readonly child: Child;
  /** Its GraphQL endpoint. */
  readonly url: string;
  readonly adminUrl: string;
  /** Whether `/readyz` says that it is ready. */
  isReady(): Promise<boolean>;
}

/**
 * Starts the gateway as in production, except that callers need no token.
 *
 * @param environment variables to add or to override
 */
export async function startGateway(
  children: ChildProcesses,
  upstreamUrl: string,
  environment: Readonly<Record<string, string>>,
): Promise<GatewayProcess> {
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const { MAX_EVENT_LOOP_DELAY_MS } = process.env;
  const child = children.start(join('dist', 'main.js'), {
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    // Reconciliation of creates that timed out must not outlast the load test.
    RECONCILE_SETTLE_MS: '10000',
    DLI_REGION: 'cn-north-4',
    DLI_ENDPOINT: upstreamUrl,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: upstreamUrl,
    ...CREDENTIALS,
    CALLER_AUTH: 'none',
    ...(MAX_EVENT_LOOP_DELAY_MS !== undefined && { MAX_EVENT_LOOP_DELAY_MS }),
    ...environment,
  });
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const isReady = async () => {
    const { statusCode, body } = await request(`${adminUrl}/readyz`);
    await body.dump();
    return statusCode === 200;
  };
  await blameChild('gateway', child, async () => {
    while (!(await isReady().catch(() => false))) {
      child.failIfExited();
      await delay(START_POLL_MS);
    }
  });
  return { child, url: `http://127.0.0.1:${port}/graphql`, adminUrl, isReady };
}
