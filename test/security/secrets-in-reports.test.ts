import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closedPort } from '../helpers/listening-server.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';

const REPORT = 'report.json';

/** Variables with the secrets, which make Node write a diagnostic report when the process gets SIGUSR2. */
async function startWithReport(secrets: Record<string, string | undefined>, programArguments: string[] = []) {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-report-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  const upstreamUrl = `http://127.0.0.1:${await closedPort()}`;
  const environment = {
    ...environmentFor(upstreamUrl),
    ...secrets,
    // Not a secret, and so still in a report.
    HUAWEICLOUD_SDK_PROJECT_ID: 'project-1',
    EMULATOR_PORT: '0',
    REDIS_URL: `redis://:${encodeURIComponent(SENTINELS.redisPassword)}@127.0.0.1:${await closedPort()}`,
    https_proxy: `http://:${encodeURIComponent(SENTINELS.proxyPassword)}@proxy.example:3128`,
    NODE_OPTIONS: `--report-on-signal --report-directory=${folder} --report-filename=${REPORT}`,
  };
  const defined = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const gateway = startGatewayProcess(Object.fromEntries(defined), { arguments: programArguments });
  const path = join(folder, REPORT);
  return {
    gateway,
    async report(): Promise<{ text: string; variables: Record<string, string> }> {
      gateway.signal('SIGUSR2');
      for (;;) {
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        // Node writes it piece by piece.
        if (text.trimEnd().endsWith('\n}')) return { text, variables: JSON.parse(text).environmentVariables };
        await sleep(20);
      }
    },
  };
}

describe('a diagnostic report of Node', () => {
  it.each([
    ['an access key', SENTINEL_ACCESS_KEY],
    ['an IAM user', SENTINEL_USER],
  ])('holds no secret of a gateway with %s', async (_what, secrets) => {
    const { gateway, report } = await startWithReport(secrets);
    await gateway.addresses();
    const { text, variables } = await report();

    expect(variables['DLI_REGION']).toBe('cn-north-4');
    expect(findLeaks(text)).toEqual([]);
  });

  it('holds no secret of the real cloud in development mode', async () => {
    const { gateway, report } = await startWithReport({ ...SENTINEL_ACCESS_KEY, LOG_LEVEL: 'info' }, ['--dev']);
    await gateway.addresses();
    const { text, variables } = await report();

    expect(variables['DLI_REGION']).toBe('cn-north-4');
    expect(findLeaks(text)).toEqual([]);
  });
});
