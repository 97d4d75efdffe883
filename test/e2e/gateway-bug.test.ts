import { describe, expect, it } from '@jest/globals';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';

// Joined at run time, because stack frames show the source of this code.
const CANARY = "'canary' + '-83d1'";

describe('a gateway with a bug', () => {
  it.each([
    ['throws an error', `throw new TypeError(${CANARY})`, 'TypeError'],
    ['throws an error of several lines', `throw new TypeError('bad\\n' + ${CANARY})`, 'TypeError'],
    ['rejects a promise with an error', `Promise.reject(new RangeError(${CANARY}))`, 'RangeError'],
    ['rejects a promise with a text', `Promise.reject(${CANARY})`, 'UnhandledPromiseRejection'],
    ['throws a text', `throw ${CANARY}`, 'unknown'],
    ['throws nothing', 'throw null', 'unknown'],
  ])(
    'that %s logs its stack frames, not its message, and exits with 70',
    async (_what, statement, errorName) => {
      const preload = `process.on('SIGUSR2', () => { ${statement} });`;
      const gateway = startGatewayProcess(environmentFor('http://127.0.0.1:9'), { preload });
      await gateway.addresses();
      gateway.signal('SIGUSR2');
      expect(await gateway.end()).toBe(70);
      expect(gateway.logLines().at(-1)).toMatchObject({
        level: 60,
        errorName,
        msg: 'the gateway ends because of a bug',
      });
      expect(gateway.stdout()).not.toContain('canary-83d1');
      expect(gateway.stderr()).toBe('');
    },
  );
});
