import { describe, expect, it } from '@jest/globals';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';

/**
 * A module that makes opening a port slow: the first or second port is opened only ten turns of the event
 * loop after the process received its signal, by which time a process without a handler has ended.
 */
function slowToOpen(port: 1 | 2, signal: NodeJS.Signals): string {
  return `
    import { Server } from 'node:net';
    const { listen } = Server.prototype;
    let opened = 0;
    let turns = 0;
    Server.prototype.listen = function (...options) {
      opened += 1;
      if (opened !== ${port}) return listen.apply(this, options);
      const later = () => {
        turns += 1;
        if (turns <= 10) setImmediate(later);
        else listen.apply(this, options);
      };
      process.kill(process.pid, '${signal}');
      later();
      return this;
    };`;
}

describe('a gateway that is stopped before it listens', () => {
  it.each<[signal: NodeJS.Signals, port: 1 | 2, which: string]>([
    ['SIGTERM', 1, 'first'],
    ['SIGINT', 2, 'second'],
  ])(
    'by %s while port %i, the %s, is being opened exits with 0 and never logs that it listens',
    async (signal, port) => {
      const gateway = startGatewayProcess(environmentFor('http://127.0.0.1:9'), {
        preload: slowToOpen(port, signal),
      });
      expect(await gateway.end()).toBe(0);
      expect(gateway.stderr()).toBe('');
      expect(gateway.logLines().map(({ msg }) => msg)).toEqual(['stopping', 'stopped']);
    },
  );

  it('stops its emulator too in development mode', async () => {
    const gateway = startGatewayProcess(
      // The emulator opens the first port, whether its default port is in use or not.
      { PORT: '0', ADMIN_PORT: '0', EMULATOR_PORT: '0', LOG_LEVEL: 'info' },
      { arguments: ['--dev'], preload: slowToOpen(2, 'SIGTERM') },
    );
    expect(await gateway.end()).toBe(0);
    expect(gateway.stderr()).toBe('');
    expect(gateway.stdout()).not.toContain('The gateway is ready');
    expect(gateway.logLines().map(({ msg }) => msg)).toEqual(['stopping', 'stopped']);
  });
});
