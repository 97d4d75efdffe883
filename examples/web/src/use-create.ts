import { useEffect, useRef, useState } from 'react';
import type { AnyCreatePayload, NewConnection, Progress } from './gateway.js';
import { createConnection, progressOf } from './gateway.js';

/** One wish to create a connection, which has one key, however often the call is repeated. */
interface Intent {
  idempotencyKey: string;
  wanted: NewConnection;
}

// Of this tab. A page that is loaded again goes on with the same key, so that it never creates a second connection.
const STORAGE_KEY = 'dli-undecided-connection';

const UNDECIDED: readonly string[] = ['OutcomeUnknownError', 'IdempotencyInProgressError'];

/** Runs creates, one at a time, and says how far they are. */
export function useCreate() {
  const [undecided, setUndecided] = useState(storedIntent);
  const [progress, setProgress] = useState<Progress>();
  const [isRunning, setRunning] = useState(false);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  /** Whether a create with this input would be a repeat of the one whose outcome is not known. */
  const isRepeat = (wanted: NewConnection) => JSON.stringify(undecided?.wanted) === JSON.stringify(wanted);

  /**
   * Creates a connection. A repeat with the same input, while the outcome is unknown, is a repeat of the same intent.
   *
   * @throws what the client package throws when a repeat cannot help, or when it was stopped
   */
  async function create(wanted: NewConnection): Promise<AnyCreatePayload> {
    const intent = undecided !== undefined && isRepeat(wanted) ? undecided : { idempotencyKey: newKey(), wanted };
    let isUndecided = intent === undecided;
    remember(intent);
    const controller = new AbortController();
    const { signal } = controller;
    running.current = controller;
    setRunning(true);
    try {
      const payload = await createConnection(wanted, intent.idempotencyKey, {
        signal,
        onRetry(retry) {
          isUndecided = true;
          setProgress(progressOf(retry));
        },
      });
      isUndecided = UNDECIDED.includes(payload.__typename);
      return payload;
    } finally {
      const isKept = isUndecided || signal.aborted;
      if (!isKept) remember(undefined);
      setUndecided(isKept ? intent : undefined);
      setRunning(false);
      setProgress(undefined);
    }
  }

  return { create, undecided, isRepeat, progress, isRunning, stop: () => running.current?.abort() };
}

const newKey = () => crypto.randomUUID();

function storedIntent(): Intent | undefined {
  const text = sessionStorage.getItem(STORAGE_KEY);
  return text === null ? undefined : JSON.parse(text);
}

function remember(intent: Intent | undefined): void {
  if (intent === undefined) sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, JSON.stringify(intent));
}
