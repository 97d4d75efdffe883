import { setTimeout as delay } from 'node:timers/promises';
import type { Emulator } from '../../../src/emulator/emulator.js';
import { DEFAULT_DOMAIN_NAME, DEFAULT_PASSWORD, DEFAULT_USER_NAME } from '../../../src/emulator/emulator.js';
import type { LateUpstream } from './late-upstream.js';

/** The context of a create before its first call. */
interface CallContext {
  emulator: Emulator;
  upstream: LateUpstream;
  /** The name of its connection. */
  name: string;
}

/** The context of a create during that call. */
interface StepContext extends CallContext {
  /** Number of creates that DLI received before it. */
  postsBefore: number;
  /** Resolves when the call ends, with or without a response. */
  call: Promise<unknown>;
  /** A random number from 0 to 1. */
  chance: number;
}

/** A step of a create at which its gateway is killed, and the expected result. */
export interface CrashPoint {
  /** Source of a module that makes the gateway kill itself at the step. */
  preload?: string;
  /** Environment variables to set or, when empty, to remove. */
  environment?: Record<string, string>;
  /** Injects faults before the call. */
  prepare?(context: CallContext): void;
  /** Resolves at the step, for a gateway that is killed from outside. Several of its creates can be at their steps. */
  reach?(context: StepContext): Promise<unknown>;
  /** The expected last answer. */
  end: 'CREATED' | 'OUTCOME_UNKNOWN' | 'ANY';
  /** The expected number of creates that DLI receives. */
  posts: number;
}

const IAM_USER = {
  HUAWEICLOUD_SDK_AK: '',
  HUAWEICLOUD_SDK_SK: '',
  IAM_USERNAME: DEFAULT_USER_NAME,
  IAM_PASSWORD: DEFAULT_PASSWORD,
  IAM_DOMAIN_NAME: DEFAULT_DOMAIN_NAME,
};

/** Source of a module that kills its process at a step of a call to DLI. */
function killAt(channel: string, condition: string): string {
  return `import { subscribe } from 'node:diagnostics_channel';
    subscribe('${channel}', ({ request, response }) => {
      if (request.method === 'POST' && ${condition}) process.kill(process.pid, 'SIGKILL');
    });`;
}

const KILL_BEFORE_ANSWER = `import { ServerResponse } from 'node:http';
  ServerResponse.prototype.writeHead = () => process.kill(process.pid, 'SIGKILL');`;

/** The steps of a create, in order. */
export const CRASH_POINTS: Readonly<Record<string, CrashPoint>> = {
  'before it is recorded': {
    preload: killAt('http.server.request.start', 'true'),
    end: 'CREATED',
    posts: 1,
  },
  'while it signs in, before it is recorded': {
    environment: IAM_USER,
    prepare: ({ emulator }) => emulator.inject({ operation: 'issueToken', behaviour: 'hang' }),
    reach: ({ emulator }) => emulator.ledger.waitFor('issueToken', 1),
    end: 'CREATED',
    posts: 1,
  },
  'right before its first byte is sent': {
    preload: killAt('undici:client:sendHeaders', 'true'),
    end: 'OUTCOME_UNKNOWN',
    posts: 0,
  },
  'before its request arrives at DLI': {
    prepare: ({ upstream, name }) => upstream.hold(name),
    reach: ({ upstream }) => upstream.held,
    end: 'CREATED',
    posts: 1,
  },
  'after DLI executed it and before DLI responded': {
    prepare: ({ emulator, name }) =>
      emulator.inject({ operation: 'createConnection', name, behaviour: 'hang', apply: true }),
    reach: ({ emulator, postsBefore }) => emulator.ledger.waitFor('createConnection', postsBefore + 1),
    end: 'CREATED',
    posts: 1,
  },
  'when it receives the response of DLI': {
    preload: killAt('undici:request:headers', 'response.statusCode === 201'),
    end: 'CREATED',
    posts: 1,
  },
  'right before it responds to the caller': {
    preload: KILL_BEFORE_ANSWER,
    end: 'CREATED',
    posts: 1,
  },
  'after it responded to the caller': {
    reach: ({ call }) => call,
    end: 'CREATED',
    posts: 1,
  },
  'at a random time': {
    // A time, not a state, so that the step at which the gateway is killed varies.
    reach: ({ chance }) => delay(chance * 60),
    end: 'ANY',
    posts: 1,
  },
};

const BIND = 'request.path.endsWith("/associate-queue")';
// Long enough for all steps on a slow machine, because a bind is not repeated after its deadline.
const BINDING_ENVIRONMENT = { OPERATION_TIMEOUT_MS: '10000' };

/** The steps of a create that binds its connection to two resources, starting with DLI's response to the create. */
export const BINDING_CRASH_POINTS: Readonly<Record<string, CrashPoint>> = {
  'after its create was recorded and before it binds': {
    preload: killAt('undici:client:sendHeaders', BIND),
    environment: BINDING_ENVIRONMENT,
    end: 'CREATED',
    posts: 1,
  },
  'between two binds': {
    preload: killAt('undici:client:sendHeaders', `${BIND} && (globalThis.binds = (globalThis.binds ?? 0) + 1) === 2`),
    environment: BINDING_ENVIRONMENT,
    end: 'CREATED',
    posts: 1,
  },
  'when it receives the response of DLI to a bind': {
    preload: killAt('undici:request:headers', BIND),
    environment: BINDING_ENVIRONMENT,
    end: 'CREATED',
    posts: 1,
  },
  'after its binds were recorded and before it responds to the caller': {
    preload: KILL_BEFORE_ANSWER,
    environment: BINDING_ENVIRONMENT,
    end: 'CREATED',
    posts: 1,
  },
};
