import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { nextChange, WATCH_LIST, watchList } from '../helpers/list-changes.js';
import { findBadLines } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { closeSubscribers, nextOf, subscribe, WATCH } from '../helpers/subscribers.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

const CANARY = 'zq7canary';
/** Tokens live for 24 hours. */
const NEARLY_A_DAY_MS = 23.8 * 3_600_000;
const BROKEN_CLOCK = {
  epochMs: () => Date.now(),
  monotonicMs(): number {
    throw new RangeError(`The clock broke: sk=${CANARY}`);
  },
};
/** Throws before the operation is known. */
const BROKEN_IN_APOLLO = {
  monotonicMs: () => performance.now(),
  epochMs(): number {
    if (new Error().stack?.includes('requestDidStart')) throw new RangeError(`The clock broke: sk=${CANARY}`);
    return Date.now();
  },
};
const BROKEN_IN_HTTP = {
  monotonicMs: () => performance.now(),
  epochMs(): number {
    if (/http.authentication/.test(new Error().stack ?? ''))
      throw new RangeError(`The clock broke: sk=${CANARY}\n    at ${CANARY} (secret.js:1:1)`);
    return Date.now();
  },
};

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

describe('an internal error', () => {
  it('is masked in the response', async () => {
    const { status, headers, body } = await createOn(await startGateway({ clock: BROKEN_CLOCK }));

    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: null,
        errors: [
          {
            message: 'Internal error. It has been logged.',
            extensions: { code: 'INTERNAL', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
  });

  it('is logged once, with stack frames and without its message', async () => {
    const gateway = await startGateway({ clock: BROKEN_CLOCK });
    const { headers } = await createOn(gateway);
    const records = gateway
      .log()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'internal error');

    expect(records).toEqual([
      {
        level: 50,
        time: expect.any(Number),
        requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
        traceId: headers.get('x-request-id'),
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        errorName: 'RangeError',
        frames: expect.arrayContaining([expect.stringContaining('monotonicMs')]),
        msg: 'internal error',
      },
    ]);
    expect(gateway.log()).not.toContain(CANARY);
    expect(findBadLines(gateway.log())).toEqual([]);
  });

  it('in the HTTP layer can be located from the log, without its message', async () => {
    const gateway = await startGateway({ clock: BROKEN_IN_HTTP });
    const { status, body } = await createOn(gateway);

    expect({ status, body }).toMatchObject({ status: 500, body: { errors: [{ extensions: { code: 'INTERNAL' } }] } });
    expect(gateway.log()).toMatch(/"errorName":"RangeError","frames":\[.*http.authentication.*"msg":"internal error"/);
    expect(gateway.log()).not.toContain(CANARY);
    expect(findBadLines(gateway.log())).toEqual([]);
  });

  // Errors of these classes are also thrown by jose and WebCrypto, for keys that cannot be used.
  it.each([
    ['RangeError', (message: string) => new RangeError(message)],
    ['TypeError', (message: string) => new TypeError(message)],
    ['DataError', (message: string) => new DOMException(message, 'DataError')],
  ])('during the check of an access token is not reported as an invalid token: %s', async (errorName, makeError) => {
    const clock = {
      epochMs: () => Date.now(),
      monotonicMs(): number {
        if (/access-token/.test(new Error().stack ?? '')) throw makeError(`The clock broke: sk=${CANARY}`);
        return performance.now();
      },
    };
    const gateway = await startTokenGateway({}, { clock: { ...clock, advance: () => undefined } });
    const { status, body } = await gateway.ask(await gateway.sign());

    expect({ status, body }).toMatchObject({ status: 500, body: { errors: [{ extensions: { code: 'INTERNAL' } }] } });
    const line = gateway
      .log()
      .split('\n')
      .find(each => each.includes('internal error'));
    expect(line).toMatch(new RegExp(`"errorName":"${errorName}","frames":\\[.*access-token`));
    expect(gateway.log()).not.toContain(CANARY);
  });

  it('outside the resolvers is also logged, and printed nowhere else', async () => {
    const print = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    onCleanup(() => print.mockRestore());
    const gateway = await startGateway({ clock: BROKEN_IN_APOLLO });
    const { status, headers, body } = await createOn(gateway);

    expect({ status, body }).toMatchObject({
      status: 500,
      body: { errors: [{ extensions: { code: 'INTERNAL', traceId: headers.get('x-request-id') } }] },
    });
    expect(gateway.log()).toMatch(/"level":50,.*"errorName":"RangeError",.*"msg":"internal error"/);
    expect(gateway.log()).not.toContain(CANARY);
    expect(print).not.toHaveBeenCalled();
  });

  it('sends nothing to DLI', async () => {
    const gateway = await startGateway({ clock: BROKEN_CLOCK });
    await createOn(gateway);

    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('an internal error in a call to IAM', () => {
  /** A clock that, once broken, throws while a call to IAM is prepared. */
  function startBreakableClock() {
    let isBroken = false;
    const clock = createManualClock();
    return {
      ...clock,
      break: () => {
        isBroken = true;
      },
      epochMs(): number {
        if (isBroken && /iam-client/.test(new Error().stack ?? ''))
          throw new RangeError(`The clock broke: sk=${CANARY}`);
        return clock.epochMs();
      },
    };
  }

  it('is not reported as an outage of IAM', async () => {
    const clock = startBreakableClock();
    clock.break();
    const gateway = await startGateway({ env: IAM_USER, clock });
    const { body } = await createOn(gateway);

    expect(body).toMatchObject({ data: null, errors: [{ extensions: { code: 'INTERNAL' } }] });
    expect(gateway.log()).toMatch(/"operation":"issueToken","outcome":"INTERNAL"/);
    expect(gateway.log()).not.toMatch(/UNAVAILABLE/);
    expect(gateway.log()).not.toContain(CANARY);
    expect(findBadLines(gateway.log())).toEqual([]);
  });

  it('is logged although no caller waits for the renewal of the token', async () => {
    const clock = startBreakableClock();
    const gateway = await startGateway({ env: IAM_USER, clock, emulator: { now: () => clock.epochMs() } });
    await gateway.create({ name: 'before' });
    clock.break();
    clock.advance(NEARLY_A_DAY_MS);

    expect(await gateway.create({ name: 'after' })).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    await gateway.logged('"operation":"issueToken","errorName":"RangeError"');
    expect(gateway.log()).toMatch(/"operation":"issueToken","errorName":"RangeError",.*"msg":"internal error"/);
    expect(gateway.log()).not.toContain(CANARY);
  });
});

function createOn(gateway: TestGateway) {
  return gateway.send({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
}

describe('an internal error in a poll', () => {
  it.each(['a connection', 'the list'])(
    'reaches the subscribers to %s as such, and ends with its cause',
    async subject => {
      let isBroken = false;
      const clock = {
        epochMs: () => Date.now(),
        monotonicMs(): number {
          if (isBroken && /ConnectionReader\.(readFresh|list) /.test(new Error().stack ?? ''))
            throw new RangeError(`The clock broke: sk=${CANARY}`);
          return performance.now();
        },
      };
      const gateway = await startGateway({ clock, env: { FOLLOW_INTERVAL_MS: '100' } });
      const { connectionId: id } = gateway.emulator.seedConnection({ state: 'CREATING' });
      const request = subject === 'the list' ? { query: WATCH_LIST } : { query: WATCH, variables: { id } };
      const watch = () => subscribe('graphql-ws', gateway.graphqlUrl, request);
      const events = subject === 'the list' ? await watchList(gateway) : watch();
      if (subject === 'the list') {
        gateway.emulator.seedConnection({ name: 'first', state: 'ACTIVE' });
        expect(await nextChange(events)).toBe('ADDED first ACTIVE');
      } else expect(await nextOf(events)).toMatchObject({ data: { datasourceConnection: { state: 'CREATING' } } });
      isBroken = true;
      const { errors: [error] = [] } = await nextOf(events);
      // One who subscribes now gets it, too.
      expect(await nextOf(watch())).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL' } }] });
      isBroken = false;
      gateway.emulator.seedConnection({ connectionId: id, state: 'ACTIVE' });

      expect(error).toMatchObject({ message: 'Internal error. It has been logged.', extensions: { code: 'INTERNAL' } });
      expect(JSON.stringify(await nextOf(events))).toContain('"state":"ACTIVE"');
      expect(gateway.log()).toMatch(
        new RegExp(`"traceId":"${error?.extensions.traceId}".*"errorName":"RangeError".*"msg":"internal error"`),
      );
      expect(gateway.log()).not.toContain(CANARY);
    },
  );
});
