import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onCleanup } from '../../helpers/clean-up.js';

const SCRIPT = fileURLToPath(new URL('official-client.mjs', import.meta.url));

/** A job for the vendor's client. `connectionId: 'created'` stands for the id returned by the first step. */
interface OfficialClientJob {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  securityToken?: string;
  projectId?: string;
  /** With a region and without a project id, the client looks the project up in IAM. */
  region?: string;
  iamEndpoint?: string;
  steps: {
    operation:
      | 'create'
      | 'list'
      | 'get'
      | 'delete'
      | 'createEnhanced'
      | 'listEnhanced'
      | 'getEnhanced'
      | 'deleteEnhanced'
      | 'associate'
      | 'disassociate'
      | 'privileges'
      | 'tags'
      | 'listPools'
      | 'listQueues';
    connectionId?: string;
    query?: Record<string, string>;
    body?: object;
  }[];
}

/** Runs a job with the vendor's client and returns the result of each step. */
type RunOfficialClient = (job: OfficialClientJob) => Promise<Record<string, unknown>[]>;

/** Starts the vendor's client, which takes most of a second. It runs one job at a time. */
export async function startOfficialClient(): Promise<RunOfficialClient> {
  const home = await mkdtemp(join(tmpdir(), 'official-client-'));
  const child = fork(SCRIPT, { silent: true, env: { ...process.env, HOME: home }, execArgv: [] });
  const exit = once(child, 'exit');
  onCleanup(async () => {
    child.kill();
    await exit;
    await rm(home, { recursive: true, force: true });
  });
  const errors: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdout?.resume();
  const failed = exit.then(() => {
    throw new Error(`The official client ended: ${Buffer.concat(errors).toString()}`);
  });
  failed.catch(() => {});
  return async job => {
    const message = once(child, 'message');
    child.send(job);
    const [results] = await Promise.race([message, failed]);
    return results;
  };
}
