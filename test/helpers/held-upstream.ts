import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from './clean-up.js';

/** An emulator that executes requests at once, but holds back its responses until the test releases them. */
export interface HeldUpstream {
  url: string;
  emulator: Emulator;
  /** Number of connections that were opened to it. */
  connections(): number;
  /** Releases the held responses, and sends later ones at once. */
  release(): void;
  /** Holds back the response to the next request, until the returned function is called. */
  holdNext(): () => void;
}

/** Starts such an upstream; it stops after the test, or after all tests when it was started before them. */
export async function startHeldUpstream(options: Partial<EmulatorOptions> = {}): Promise<HeldUpstream> {
  const emulator = createEmulator(options);
  const emulatorPort = Number(new URL(await emulator.listen()).port);
  const { promise: released, resolve: release } = withResolvers();
  const sockets = new Set<Socket>();
  let connections = 0;
  let next: Promise<void> | undefined;
  const gate = createServer(caller => {
    connections += 1;
    const upstream = connect(emulatorPort, '127.0.0.1');
    for (const socket of [caller, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    let held: Promise<void> | undefined;
    caller.on('data', () => {
      held = next ?? held;
      next = undefined;
    });
    caller.pipe(upstream);
    const whenReleased = (send: () => void) => void Promise.all([released, held]).then(send);
    upstream.on('data', chunk => whenReleased(() => caller.write(chunk)));
    upstream.on('end', () => whenReleased(() => caller.end()));
  });
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  onCleanup(() => emulator.close());
  onCleanup(() => {
    for (const socket of sockets) socket.destroy();
    gate.close();
  });
  const { port } = gate.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    emulator,
    connections: () => connections,
    release,
    holdNext() {
      const { promise, resolve } = withResolvers();
      next = promise;
      return resolve;
    },
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>(done => {
    resolve = done;
  });
  return { promise, resolve };
}
