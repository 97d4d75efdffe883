import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listen } from '../../helpers/listening-server.js';

/** A way to an upstream on which creates get stuck, and arrive in the end even when their sender is gone. */
export interface LateUpstream {
  url: string;
  /** Resolves when a create is on its way. */
  stuck: Promise<void>;
  /** Lets the stuck creates, and all later ones, arrive. */
  release(): void;
}

/** Lays such a way; it ends after the test. */
export async function startLateUpstream(upstreamUrl: string): Promise<LateUpstream> {
  const upstreamPort = Number(new URL(upstreamUrl).port);
  let tellStuck = () => {};
  let release = () => {};
  const stuck = new Promise<void>(resolve => {
    tellStuck = resolve;
  });
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  async function carry(caller: Socket): Promise<void> {
    const [first] = (await once(caller, 'data')) as [Buffer];
    caller.pause();
    if (first.toString('latin1').startsWith('POST')) {
      tellStuck();
      await released;
    }
    const upstream = connect(upstreamPort, '127.0.0.1');
    upstream.on('error', () => caller.destroy());
    upstream.write(first);
    caller.on('close', () => upstream.end()).pipe(upstream);
    upstream.pipe(caller);
  }
  const { host } = await listen(
    createServer({ allowHalfOpen: true }, caller => void carry(caller).catch(() => caller.destroy())),
  );
  return { url: `http://${host}`, stuck, release };
}
