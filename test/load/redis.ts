import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { findFreePort } from '../bench/child-processes.js';

/** Starts a Redis on loopback that ends with this process; resolves with its URL. */
export async function startRedis(folder: string): Promise<string> {
  const port = await findFreePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  await Promise.race([waitUntilReady(child), failed(child)]);
  return `redis://127.0.0.1:${port}`;
}

async function waitUntilReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) return;
  for await (const line of createInterface({ input: stdout })) if (line.includes('Ready to accept connections')) break;
  stdout.resume();
}

async function failed(child: ChildProcess): Promise<never> {
  const [error] = await once(child, 'exit').catch(reason => [reason]);
  throw new Error(`redis-server did not start: ${String(error)}`);
}
