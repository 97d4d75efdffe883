import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('official-client.mjs', import.meta.url));

/** A job for the vendor's client. `connectionId: 'created'` stands for the id returned by the first step. */
export interface OfficialClientJob {
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
export async function runOfficialClient(job: OfficialClientJob): Promise<Record<string, unknown>[]> {
  const home = await mkdtemp(join(tmpdir(), 'official-client-'));
  const child = fork(SCRIPT, { silent: true, env: { ...process.env, HOME: home }, execArgv: [] });
  try {
    const exit = once(child, 'exit');
    const errors: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stdout?.resume();
    const message = once(child, 'message');
    child.send(job);
    const failed = exit.then(() => {
      throw new Error(`The official client ended without a result: ${Buffer.concat(errors).toString()}`);
    });
    const [results] = await Promise.race([message, failed]);
    await exit;
    return results;
  } finally {
    child.kill();
    await rm(home, { recursive: true, force: true });
  }
}
