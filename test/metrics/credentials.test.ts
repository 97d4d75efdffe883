import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { readSamples } from '../helpers/samples.js';

afterEach(closeGateways);

const USABLE = 'dli_gateway_credentials_usable';
const EXPIRY = 'dli_gateway_credentials_expiry_timestamp_seconds';

it('an IAM user is usable while a token can be had, whose expiry is known', async () => {
  const gateway = await startGateway({ env: IAM_USER });
  const unused = await readSamples(gateway.adminUrl);
  gateway.emulator.inject({ operation: 'issueToken', status: 503, times: 0 });
  await gateway.create({ name: 'first' });
  const withoutIam = await readSamples(gateway.adminUrl);

  expect([unused.value(USABLE), withoutIam.value(USABLE)]).toEqual([1, 0]);
  expect([unused.value(EXPIRY), withoutIam.value(EXPIRY)]).toEqual([undefined, undefined]);
});

it('the expiry of a token in use is a time in the future', async () => {
  const gateway = await startGateway({ env: IAM_USER });
  await gateway.create();
  const { value } = await readSamples(gateway.adminUrl);
  const issued = 'target="iam",operation="issueToken",status="2xx",error_type=""';

  expect(value(USABLE)).toBe(1);
  expect(value(EXPIRY)).toBeGreaterThan(Date.now() / 1_000);
  expect(value(`http_client_request_duration_seconds_count{${issued}}`)).toBe(1);
});

it('an access key that Huawei Cloud refuses repeatedly is not usable', async () => {
  const gateway = await startGateway({ env: { HUAWEICLOUD_SDK_SK: 'another-secret-key' } });
  await gateway.create({ name: 'first' });
  await gateway.create({ name: 'second' });
  const { value } = await readSamples(gateway.adminUrl);

  expect(value(USABLE)).toBe(0);
});
