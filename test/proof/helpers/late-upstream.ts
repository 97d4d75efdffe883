import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listen } from '../../helpers/listening-server.js';

/** A relay that can hold a create back and forward it when released, even if its sender is gone by then. */
export interface LateUpstream {
  url: string;
  /** Holds back the request whose body contains this text. */
  hold(text: string): void;
  /** Resolves when that request is held back. */
  held: Promise<void>;
  /** Forwards that request. */
  release(): void;
}

/** Starts a relay; it stops after the test. */
export async function startLateUpstream(upstreamUrl: string): Promise<LateUpstream> {
  const upstreamPort = Number(new URL(upstreamUrl).port);
  let heldText: string | undefined;
  let notifyHeld = () => {};
  let release = () => {};
  const held = new Promise<void>(resolve => {
    notifyHeld = resolve;
  });
  const released = new Promise<void>(resolve => {
    release = resolve;
  });
  async function forward(caller: Socket): Promise<void> {
    const upstream = connect(upstreamPort, '127.0.0.1');
    upstream.on('error', () => caller.destroy());
    upstream.pipe(caller);
    try {
      for await (const chunk of caller as AsyncIterable<Buffer>) {
        if (heldText !== undefined && chunk.includes(heldText)) {
          notifyHeld();
          await released;
        }
        upstream.write(chunk);
      }
    } finally {
      upstream.end();
    }
  }
  const { host } = await listen(
    createServer({ allowHalfOpen: true }, caller => void forward(caller).catch(() => caller.destroy())),
  );
  return {
    url: `http://${host}`,
    hold(text) {
      heldText = text;
    },
    held,
    release,
  };
}
