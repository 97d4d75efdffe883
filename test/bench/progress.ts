import { performance } from 'node:perf_hooks';

/** Reports what the benchmark is doing. */
export type Progress = (text: string) => void;

/** Progress as lines on stderr, with the time since the start of this process. */
export const printProgress: Progress = text => {
  const seconds = (performance.now() / 1000).toFixed(0);
  process.stderr.write(`${seconds.padStart(4)} s  ${text}\n`);
};
