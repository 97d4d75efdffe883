import { readFileSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/** Starts with the files that start processes and so mostly wait, so that others run beside them. */
export default class WaitingFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests).map(test => ({ test, isWaiting: startsProcesses(test.path) }));
    return sorted.toSorted((a, b) => Number(b.isWaiting) - Number(a.isWaiting)).map(({ test }) => test);
  }
}

function startsProcesses(path) {
  return path.includes('/test/proof/') || readFileSync(path, 'utf8').includes('gateway-process.js');
}
