import { setTimeout as delay } from 'node:timers/promises';
import type { Emulator } from '../../../src/emulator/emulator.js';
import { DEFAULT_DOMAIN_NAME, DEFAULT_PASSWORD, DEFAULT_USER_NAME } from '../../../src/emulator/emulator.js';
import type { LateUpstream } from './late-upstream.js';

/** What of the world a crash needs. */
interface CrashScene {
  emulator: Emulator;
  way: LateUpstream;
  /** Ends the gateway with SIGKILL. */
  kill(): void;
  /** The end of the first call, with an answer or without. */
  call: Promise<unknown>;
  /** A number from 0 to 1. */
  chance: number;
}

/** A moment of a create at which its gateway dies, and what must be true in the end. */
export interface CrashPoint {
  /** Source of a module that kills the gateway from inside, at the very step. */
  preload?: string;
  /** Variables that replace or, when empty, take away others. */
  environment?: Record<string, string>;
  /** Sets the scene before the call. */
  prepare?(emulator: Emulator): void;
  /** Brings about the death from outside; resolves when it is certain to come. */
  die?(scene: CrashScene): Promise<void>;
  end: 'CREATED' | 'OUTCOME_UNKNOWN' | 'ANY';
  /** Requests to create that DLI gets in all. */
  posts: number;
}

const IAM_USER = {
  HUAWEICLOUD_SDK_AK: '',
  HUAWEICLOUD_SDK_SK: '',
  IAM_USERNAME: DEFAULT_USER_NAME,
  IAM_PASSWORD: DEFAULT_PASSWORD,
  IAM_DOMAIN_NAME: DEFAULT_DOMAIN_NAME,
};

/** Source of a module that kills its process at a step of its work. */
function killAt(channel: string, condition: string): string {
  return `import { subscribe } from 'node:diagnostics_channel';
    subscribe('${channel}', ({ request, response }) => {
      if (request.method === 'POST' && ${condition}) process.kill(process.pid, 'SIGKILL');
    });`;
}

const KILL_BEFORE_ANSWER = `import { ServerResponse } from 'node:http';
  ServerResponse.prototype.writeHead = () => process.kill(process.pid, 'SIGKILL');`;

/** From the first to the last step of a create. */
export const CRASH_POINTS: Readonly<Record<string, CrashPoint>> = {
  'before it is recorded': {
    preload: killAt('http.server.request.start', 'true'),
    end: 'CREATED',
    posts: 1,
  },
  'while it signs in, before it is recorded': {
    environment: IAM_USER,
    prepare: emulator => emulator.inject({ operation: 'issueToken', behaviour: 'hang' }),
    async die({ emulator, kill }) {
      await emulator.ledger.waitFor('issueToken', 1);
      kill();
    },
    end: 'CREATED',
    posts: 1,
  },
  'recorded, right before its first byte is sent': {
    preload: killAt('undici:client:sendHeaders', 'true'),
    end: 'OUTCOME_UNKNOWN',
    posts: 0,
  },
  'on its way to DLI, where it arrives later': {
    async die({ way, kill }) {
      await way.stuck;
      kill();
    },
    end: 'CREATED',
    posts: 1,
  },
  'executed by DLI and not answered': {
    prepare: emulator => emulator.inject({ operation: 'createConnection', behaviour: 'hang', apply: true }),
    async die({ emulator, kill }) {
      await emulator.ledger.waitFor('createConnection', 1);
      kill();
    },
    end: 'CREATED',
    posts: 1,
  },
  'answered by DLI': {
    preload: killAt('undici:request:headers', 'response.statusCode === 201'),
    end: 'CREATED',
    posts: 1,
  },
  'recorded as done, right before the caller is answered': {
    preload: KILL_BEFORE_ANSWER,
    end: 'CREATED',
    posts: 1,
  },
  'answered to the caller': {
    async die({ call, kill }) {
      await call;
      kill();
    },
    end: 'CREATED',
    posts: 1,
  },
  'at any moment': {
    // The moment is what varies here, so it is a time and no state.
    async die({ chance, kill }) {
      await delay(chance * 60);
      kill();
    },
    end: 'ANY',
    posts: 1,
  },
};
