import { expect } from '@jest/globals';
import type { TestGateway } from '../../helpers/gateway.js';
import { CREATE_MUTATION, VALID_INPUT } from '../../helpers/gateway.js';
import { freshName } from '../../helpers/shared-gateway.js';

const ERROR_LEVEL = 50;

/** Time for a test with this many generated requests: enough for a machine that is ten times slower. */
export function fuzzTimeoutMs(requests: number): number {
  return 120_000 + requests * 400;
}

/** The number of open TCP connections of this process, counting both ends of connections to itself. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length;
}

/** Asserts that there was no internal error, and that the gateway is ready and creates connections. */
export async function expectHealthy(gateway: TestGateway, headers: Record<string, string> = {}): Promise<void> {
  expect(errorsIn(gateway.log())).toEqual([]);
  expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200);
  const variables = { input: { ...VALID_INPUT, name: freshName() } };
  const { body } = await gateway.send({ query: CREATE_MUTATION, variables }, headers);
  expect(body).toMatchObject({
    data: { createDatasourceConnection: { __typename: 'CreateDatasourceConnectionSuccess' } },
  });
}

/** The log lines at level 50 or above, and those that report an internal error. */
function errorsIn(log: string): string[] {
  return log.split('\n').filter(line => {
    if (line === '') return false;
    const { level } = JSON.parse(line) as { level: number };
    return level >= ERROR_LEVEL || /internal error/i.test(line);
  });
}
