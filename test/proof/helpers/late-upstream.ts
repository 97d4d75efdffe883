import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listen } from '../../helpers/listening-server.js';

/** A relay that holds creates back, and forwards them when released, even if their sender is gone by then. */
export interface LateUpstream {
  url: string;
  /** Resolves when a create is held back. */
  held: Promise<void>;
  /** Forwards the creates held back, and all later ones. */
  release(): void;
}

/** Starts such a relay; it stops after the test. */
export async function startLateUpstream(upstreamUrl: string): Promise<LateUpstream> {
  const upstreamPort = Number(new URL(upstreamUrl).port);
  let notifyHeld = () => {};
  let release = () => {};
  const held = new Promise<void>(resolve => {
    notifyHeld = resolve;
  });
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  async function forward(caller: Socket): Promise<void> {
    const [first] = (await once(caller, 'data')) as [Buffer];
    caller.pause();
    if (first.toString('latin1').startsWith('POST')) {
      notifyHeld();
      await released;
    }
    const upstream = connect(upstreamPort, '127.0.0.1');
    upstream.on('error', () => caller.destroy());
    upstream.write(first);
    caller.on('close', () => upstream.end()).pipe(upstream);
    upstream.pipe(caller);
  }
  const { host } = await listen(
    createServer({ allowHalfOpen: true }, caller => void forward(caller).catch(() => caller.destroy())),
  );
  return { url: `http://${host}`, held, release };
}
