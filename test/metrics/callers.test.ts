import { expect, it } from '@jest/globals';
import { startTokenGateway } from '../auth/helpers/token-gateway.js';
import { readSamples } from '../helpers/samples.js';

it('the metrics count callers, refused tokens and limits, and know the age of the keys', async () => {
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
