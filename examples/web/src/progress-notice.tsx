import type { Progress } from './gateway.js';

interface ProgressNoticeProps {
  /** Undefined until the first answer, or its absence. */
  progress: Progress | undefined;
  /** What is being done, such as `Creating orders_pg`. */
  what: string;
}

/** Says what the page is waiting for, in a live region of its parent. An unknown outcome is never shown as a failure. */
export function ProgressNotice({ progress, what }: ProgressNoticeProps) {
  return (
    <div className={`notice ${progress === undefined ? 'sending' : 'unknown'}`}>
      <p className="title">
        <span className="spinner" aria-hidden="true" />
        {progress === undefined ? `${what} …` : progress.isUnknown ? 'Checking …' : 'Waiting …'}
      </p>
      {progress !== undefined && (
        <>
          <p>{progress.message}</p>
          <p className="hint">
            Attempt {progress.attempts + 1} follows in {progress.waitSeconds} s. It never does the same twice.
          </p>
        </>
      )}
    </div>
  );
}
