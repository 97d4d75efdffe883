import { expect, it } from '@jest/globals';
import { startGatewayProcess } from '../helpers/gateway-process.js';
import { closedPort } from '../helpers/listening-server.js';
import { findLeaks, SENTINELS } from '../helpers/sentinels.js';
import { prepareReport } from './helpers/diagnostic-report.js';

// The reports of other gateways are checked by secrets-of-the-process.test.ts.
it('a diagnostic report of Node contains no secret of the real cloud in development mode', async () => {
  const { options, write } = prepareReport();
  const environment = {
    PORT: '0',
    ADMIN_PORT: '0',
    EMULATOR_PORT: '0',
    LOG_LEVEL: 'info',
    DLI_REGION: 'cn-north-4',
    HUAWEICLOUD_SDK_AK: SENTINELS.accessKey,
    HUAWEICLOUD_SDK_SK: SENTINELS.secretKey,
    HUAWEICLOUD_SDK_SECURITY_TOKEN: SENTINELS.securityToken,
    IAM_USERNAME: SENTINELS.userName,
    IAM_PASSWORD: SENTINELS.password,
    IAM_DOMAIN_NAME: SENTINELS.domainName,
    REDIS_URL: `redis://:${encodeURIComponent(SENTINELS.redisPassword)}@127.0.0.1:${await closedPort()}`,
    https_proxy: `http://:${encodeURIComponent(SENTINELS.proxyPassword)}@proxy.example:3128`,
    NODE_OPTIONS: options,
  };
  const gateway = startGatewayProcess(environment, { arguments: ['--dev'] });
  await gateway.addresses();
  const { text, variables } = await write(gateway);

  expect(variables['DLI_REGION']).toBe('cn-north-4');
  expect(findLeaks(text)).toEqual([]);
});
