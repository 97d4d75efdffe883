import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { readSamples } from '../helpers/samples.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

afterEach(closeGateways);

const USABLE = 'dli_gateway_credentials_usable';
const EXPIRY = 'dli_gateway_credentials_expiry_timestamp_seconds';

it('an IAM user is usable until no token can be obtained', async () => {
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

it('the metrics count callers, refused tokens and limits, and include the age of the keys', async () => {
  const env = { RATE_LIMIT_CREATES_PER_SECOND: '1', RATE_LIMIT_CREATES_BURST: '1' };
  const gateway = await startTokenGateway(env);
  const { adminUrl, clock } = gateway;
  const before = await readSamples(adminUrl);
  const token = await gateway.sign();
  await gateway.createAs(token, { name: 'first' });
  await gateway.createAs(token, { name: 'second' });
  await gateway.ask(undefined);
  clock.advance(90_000);
  const { value } = await readSamples(adminUrl);

  expect(before.value('dli_gateway_jwks_age_seconds')).toBeUndefined();
  expect(value('dli_gateway_jwks_age_seconds')).toBeGreaterThanOrEqual(90);
  expect(value('dli_gateway_auth_total{result="authenticated"}')).toBe(2);
  expect(value('dli_gateway_auth_total{result="unauthenticated"}')).toBe(1);
  expect(value('dli_gateway_rate_limited_total{kind="mutations"}')).toBe(1);
  expect(value('dli_gateway_refused_total{reason="UNAUTHENTICATED"}')).toBe(1);
  expect(value('graphql_errors_total{code="RATE_LIMITED"}')).toBe(1);
  const keys = 'target="issuer",operation="fetchKeys",status="200",error_type=""';
  expect(value(`http_client_request_duration_seconds_count{${keys}}`)).toBe(1);
});
