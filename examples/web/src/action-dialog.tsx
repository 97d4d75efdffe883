import type { ReactNode } from 'react';
import { useId, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Progress, RunOptions } from './gateway.js';
import { progressOf } from './gateway.js';
import type { GatewayProblem } from './gateway-problem.js';
import { isAbort, problemOf } from './gateway-problem.js';
import { ProblemNotice } from './problem-notice.js';
import { ProgressNotice } from './progress-notice.js';

interface ActionDialogProps {
  title: string;
  text: string;
  /** What the button says. */
  label: string;
  /** What is being done, such as `Deleting orders_pg`. */
  what: string;
  isDangerous?: boolean;
  children?: ReactNode;
  /** Does it. Returns what went wrong, `'done'`, or nothing if there is something to correct. */
  run(options: RunOptions): Promise<GatewayProblem | 'done' | undefined>;
  onDone(): void;
  onClose(): void;
}

/** Asks whether to do something with a connection, and does it. */
export function ActionDialog(props: ActionDialogProps) {
  const { title, text, label, what, isDangerous = false, children, run, onDone, onClose } = props;
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const running = useRef<AbortController>(undefined);
  const [isRunning, setRunning] = useState(false);
  const [progress, setProgress] = useState<Progress>();
  const [failure, setFailure] = useState<GatewayProblem>();

  // The dialog is closed by removing it. The event `close` comes later, and an answer that was pressed before it would be
  // that of the last dialog.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The harmless answer, or what has to be filled in.
    if (isDangerous) cancel.current?.focus();
    else element?.querySelector('input')?.focus();
    return () => {
      running.current?.abort();
      // Gives the focus back.
      element?.close();
    };
  }, [isDangerous]);

  async function act() {
    if (isRunning) return;
    running.current = new AbortController();
    setRunning(true);
    setFailure(undefined);
    try {
      const { signal } = running.current;
      const result = await run({ signal, onRetry: retry => setProgress(progressOf(retry)) });
      if (result === 'done') {
        // Before the focus is moved.
        flushSync(onClose);
        onDone();
      } else setFailure(result);
    } catch (error) {
      if (!isAbort(error)) setFailure(problemOf(error));
    } finally {
      setRunning(false);
      setProgress(undefined);
    }
  }

  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={event => {
        event.preventDefault();
        onClose();
      }}
      // Browsers close a dialog without asking at the second Escape in a row.
      onClose={() => {
        if (dialog.current?.open === false) onClose();
      }}
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <p id={`${id}-text`}>{text}</p>
      {children && <div inert={isRunning}>{children}</div>}
      {failure && <ProblemNotice problem={failure} />}
      <div className="live" role="status">
        {isRunning && <ProgressNotice progress={progress} what={what} />}
      </div>
      <div className="actions">
        <button type="button" className={isDangerous ? 'danger' : ''} aria-disabled={isRunning} onClick={act}>
          {label}
        </button>
        <button type="button" className="quiet" ref={cancel} onClick={onClose}>
          {isRunning ? 'Stop waiting' : 'Cancel'}
        </button>
      </div>
    </dialog>
  );
}

/** What went wrong with an action, from the answer that is not its success. */
export function failureOf(title: string, { __typename, message }: { __typename: string; message: string }) {
  const isUnknown = __typename.includes('Unknown');
  return { kind: 'other', title: isUnknown ? 'The outcome is still not known' : title, message } as const;
}
