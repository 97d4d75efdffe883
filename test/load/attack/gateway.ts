import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Child, ChildProcesses } from '../../bench/child-processes.js';
import { blameChild, findFreePort } from '../../bench/child-processes.js';
import { CREDENTIALS } from './emulator.js';
import { AUDIENCE } from './issuer.js';

const START_POLL_MS = 50;

/** The gateway under attack, in a process of its own. */
export interface GatewayUnderAttack {
  readonly child: Child;
  readonly url: string;
  /** Whether `/readyz` says that it is ready. */
  isReady(): Promise<boolean>;
}

/** Starts the gateway as in production, with access tokens of `issuerUrl`. */
export async function startGateway(
  children: ChildProcesses,
  { issuerUrl, upstreamUrl, dataDir }: { issuerUrl: string; upstreamUrl: string; dataDir: string },
): Promise<GatewayUnderAttack> {
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const { MAX_EVENT_LOOP_DELAY_MS } = process.env;
  const child = children.start(join('dist', 'main.js'), {
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    DATA_DIR: dataDir,
    // Reconciliation of creates that timed out must not outlast the wait for silence.
    RECONCILE_SETTLE_MS: '10000',
    DLI_REGION: 'cn-north-4',
    DLI_ENDPOINT: upstreamUrl,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: upstreamUrl,
    ...CREDENTIALS,
    CALLER_AUTH: 'jwt',
    OIDC_ISSUER: issuerUrl,
    OIDC_AUDIENCE: AUDIENCE,
    ...(MAX_EVENT_LOOP_DELAY_MS !== undefined && { MAX_EVENT_LOOP_DELAY_MS }),
  });
  const isReady = async () => {
    const { statusCode, body } = await request(`http://127.0.0.1:${adminPort}/readyz`);
    await body.dump();
    return statusCode === 200;
  };
  await blameChild('gateway', child, async () => {
    while (!(await isReady().catch(() => false))) {
      child.failIfExited();
      await delay(START_POLL_MS);
    }
  });
  return { child, url: `http://127.0.0.1:${port}/graphql`, isReady };
}
