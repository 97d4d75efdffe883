import { createServer } from 'node:http';
import { afterEach, expect, it } from '@jest/globals';
import { DliClient } from '../../src/dli/dli-client.js';
import { DliError } from '../../src/dli/dli-error.js';
import { AuthenticationError } from '../../src/huawei-cloud/authentication.js';
import { SYSTEM_CLOCK } from '../../src/huawei-cloud/clock.js';
import { ClockSkew } from '../../src/huawei-cloud/clock-skew.js';
import { Deadline } from '../../src/huawei-cloud/deadline.js';
import { SingleUse } from '../../src/huawei-cloud/single-use.js';
import { Transport } from '../../src/huawei-cloud/transport.js';
import { NO_ID } from '../helpers/deletion.js';
import { listen } from '../helpers/listening-server.js';

const transport = new Transport();
const LOG = { info() {}, warn() {} };

afterEach(() => transport.close());

// No emulator lets a token end between two tries of one call.
it('a delete stays unknown when the gateway cannot sign in for its second try', async () => {
  const { host } = await listen(createServer((_request, response) => response.writeHead(500).end()));
  let signedIn = 0;
  const dli = new DliClient({
    transport,
    callTransport: transport,
    reconciliationTransport: transport,
    authenticator: {
      onStop() {},
      async authenticate() {
        signedIn += 1;
        if (signedIn > 1) throw new AuthenticationError('UNAVAILABLE', 'no');
        return new SingleUse({ projectId: 'project', headersFor: () => ({}) }, () => false);
      },
    },
    endpoint: new URL(`http://${host}`),
    clock: SYSTEM_CLOCK,
    skew: new ClockSkew(SYSTEM_CLOCK),
    log: LOG,
  });
  const scope = { traceId: '0'.repeat(32), deadline: new Deadline(SYSTEM_CLOCK, 5_000) };
  const error = await dli.deleteConnection(NO_ID, scope).catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(DliError);
  expect([(error as DliError).code, signedIn]).toEqual(['OUTCOME_UNKNOWN', 2]);
});
