import { AsyncLocalStorage } from 'node:async_hooks';
import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';
import { TestEnvironment } from 'jest-environment-node';
import { Agent, setGlobalDispatcher } from 'undici';

// What passes between a test and the gateway must be an instance for both.
const SHARED = ['Error', 'AggregateError', 'RangeError', 'SyntaxError', 'TypeError', 'Promise'];
const MAX_LOG_LINES = 40;

// On Node 20 the optimizing compiler takes a fifth of the CPU of a run, and most of its code is not run for long. Measured:
// 200,000 and 1,000,000 cost more.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=300000');

// fetch gives up a connection after 10 s, in which a busy machine may not come to accept it.
setGlobalDispatcher(new Agent({ connect: { timeout: 120_000 } }));

// Generating an RSA pair takes as long as several tests.
const keyPairs = new Map();

// V8 counts the branches of those functions only that it compiles while coverage is on, and the gateway is compiled once
// for all test files of a worker. So coverage stays on when Jest turns it off after a file.
const COVERAGE_ENDS = new Set(['Profiler.stopPreciseCoverage', 'Profiler.disable']);
const { post } = Session.prototype;
Session.prototype.post = function (method, ...parameters) {
  if (COVERAGE_ENDS.has(method)) parameters.at(-1)?.(null, {});
  else post.call(this, method, ...parameters);
};

// Jest keeps the running test or hook in an AsyncLocalStorage, which on Node 20 slows down every promise. Because
// tests run one after another here, a variable does as well.
const running = new WeakMap();
const { run, getStore } = AsyncLocalStorage.prototype;
AsyncLocalStorage.prototype.run = function (context, callback, ...options) {
  if (!isOfJest(context)) return run.call(this, context, callback, ...options);
  const before = running.get(this);
  const restore = () => running.set(this, before);
  running.set(this, context);
  const result = callback(...options);
  result.then(restore, restore);
  return result;
};
AsyncLocalStorage.prototype.getStore = function () {
  return running.has(this) ? running.get(this) : getStore.call(this);
};

function isOfJest(context) {
  return typeof context === 'object' && context !== null && ('test' in context || 'hook' in context);
}

/**
 * Lets tests import the built gateway as Node itself loads it, once for all test files of a worker, where Jest
 * would load its 800 modules anew for every file. What a failed test's gateways logged is printed with it.
 */
export default class Environment extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.importBuilt = specifier => import(specifier);
    this.global.failureLogs = [];
    this.global.keyPairs = keyPairs;
    for (const name of SHARED) this.global[name] = globalThis[name];
  }

  handleTestEvent(event) {
    if (event.name === 'test_start') this.global.failureLogs.length = 0;
    if (event.name === 'test_done' && event.test.errors.length > 0) this.#printLogs(event.test.name);
  }

  #printLogs(title) {
    for (const { name, read } of this.global.failureLogs) {
      const lines = read().trimEnd().split('\n').slice(-MAX_LOG_LINES);
      process.stderr.write(`${name} of the failed test "${title}":\n${lines.join('\n')}\n`);
    }
  }
}
