import { readFileSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/** How many other files are started for each file that starts processes, so that most of those start early. */
const OTHERS = 5;

/**
 * Spreads the files that start processes, which mostly wait, among the others, which compute, so that no core is idle.
 * The proofs come first, because they take longest.
 */
export default class Spread extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const waiting = sorted.filter(({ path }) => startsProcesses(path));
    const others = sorted.filter(({ path }) => !startsProcesses(path));
    const spread = waiting
      .toSorted((a, b) => Number(isProof(b.path)) - Number(isProof(a.path)))
      .flatMap(test => [test, ...others.splice(0, OTHERS)]);
    return [...spread, ...others];
  }
}

function startsProcesses(path) {
  return isProof(path) || readFileSync(path, 'utf8').includes('gateway-process.js');
}

function isProof(path) {
  return path.includes('/test/proof/');
}
