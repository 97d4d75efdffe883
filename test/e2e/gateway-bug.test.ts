import { describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { linesOf, linesWith } from '../helpers/log-lines.js';

// Joined at run time, because stack frames show the source of this code.
const CANARY = "'canary' + '-83d1'";

/** Modules that trigger the bug while the gateway is serving or starting. */
const PRELOADS = {
  serving: (bug: string) => `process.on('SIGUSR2', () => { ${bug} });`,
  // As soon as uncaught exceptions are handled, which is before most of the program is loaded.
  starting: (bug: string) => `process.on('newListener', event => {
    if (event === 'uncaughtException') setImmediate(() => { ${bug} });
  });`,
};

type Row = [what: string, statement: string, errorName: string, when: keyof typeof PRELOADS];

/** Serializing a record fails from this signal on. */
const BREAK_RECORDS = `
  const { stringify } = JSON;
  process.on('SIGUSR2', () => {
    JSON.stringify = (value, ...rest) => {
      if (value?.fingerprint !== undefined) throw new TypeError(${CANARY});
      return stringify(value, ...rest);
    };
    console.log(stringify({ msg: 'broken' }));
  });`;

describe('a gateway with a bug', () => {
  it.each<Row>([
    ['throws an error', `throw new TypeError(${CANARY})`, 'TypeError', 'serving'],
    ['throws an error of several lines', `throw new TypeError('bad\\n' + ${CANARY})`, 'TypeError', 'starting'],
    ['rejects a promise with an error', `Promise.reject(new RangeError(${CANARY}))`, 'RangeError', 'starting'],
    ['rejects a promise with a string', `Promise.reject(${CANARY})`, 'UnhandledPromiseRejection', 'starting'],
    ['throws a string', `throw ${CANARY}`, 'unknown', 'starting'],
    ['throws undefined', 'throw null', 'unknown', 'starting'],
  ])('that %s logs its stack frames, not its message, and exits with 70', async (_what, statement, errorName, when) => {
    const preload = PRELOADS[when](statement);
    const gateway = startGatewayProcess(environmentFor('http://127.0.0.1:9'), { preload });
    if (when === 'serving') {
      await gateway.addresses();
      gateway.signal('SIGUSR2');
    }
    expect(await gateway.end()).toBe(70);
    // While the process ends, startup steps that were in progress may still log.
    expect(gateway.logLines().filter(({ level }) => level === 60)).toMatchObject([
      { errorName, msg: 'the gateway exits because of a bug' },
    ]);
    expect(gateway.stdout()).not.toContain('canary-83d1');
    expect(gateway.stderr()).toBe('');
  });

  it('in its store answers a create with an internal error, sends nothing, and does not report an outage', async () => {
    const emulator = createEmulator();
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    const gateway = startGatewayProcess(environmentFor(url), { preload: BREAK_RECORDS });
    const { graphqlUrl } = await gateway.addresses();
    gateway.signal('SIGUSR2');
    await gateway.find(/broken/);
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
    expect(body.errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }]);
    expect(emulator.ledger.count('createConnection')).toBe(0);
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    expect(linesWith(gateway.stdout(), 'internal error')).toMatchObject([
      {
        level: 50,
        errorName: 'TypeError',
        frames: expect.arrayContaining([expect.stringContaining('LmdbTables.add')]),
      },
    ]);
    expect(linesOf(gateway.stdout()).filter(({ operation }) => operation === 'store')).toEqual([]);
    expect(gateway.stdout()).not.toContain('canary-83d1');
  });
});
