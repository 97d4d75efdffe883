import Sequencer from '@jest/test-sequencer';

/** Starts with the proofs, which mostly wait, so that other files run beside them; then in the order of Jest. */
export default class ProofsFirst extends Sequencer {
  sort(tests) {
    const isProof = ({ path }) => path.includes('/test/proof/');
    const sorted = super.sort(tests);
    return [...sorted.filter(isProof), ...sorted.filter(test => !isProof(test))];
  }
}
