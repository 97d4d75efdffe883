import { useApolloClient } from '@apollo/client/react';
import type { DeletePayload, Retry } from 'dli-gateway-client';
import { DatasourceConnectionsDocument } from 'dli-gateway-client';
import { markDeleted } from 'dli-gateway-client/apollo';
import { useEffect, useRef, useState } from 'react';
import type { Connection } from './documents.js';
import type { Progress } from './gateway.js';
import { gateway, progressOf } from './gateway.js';
import type { GatewayProblem } from './gateway-problem.js';
import { isAbort, problemOf } from './gateway-problem.js';
import { ProblemNotice } from './problem-notice.js';
import { ProgressNotice } from './progress-notice.js';

interface DeleteDialogProps {
  connection: Connection;
  onDeleted(connection: Connection): void;
  onClose(): void;
}

/** Asks whether to delete a connection, and deletes it. */
export function DeleteDialog({ connection, onDeleted, onClose }: DeleteDialogProps) {
  const client = useApolloClient();
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const running = useRef<AbortController>(undefined);
  const [isRunning, setRunning] = useState(false);
  const [progress, setProgress] = useState<Progress>();
  const [failure, setFailure] = useState<GatewayProblem>();
  const { id, name } = connection;

  useEffect(() => {
    dialog.current?.showModal();
    // The harmless answer.
    cancel.current?.focus();
    return () => running.current?.abort();
  }, []);

  async function remove() {
    if (isRunning) return;
    running.current = new AbortController();
    setRunning(true);
    setFailure(undefined);
    try {
      const { signal } = running.current;
      const onRetry = (retry: Retry<DeletePayload>) => setProgress(progressOf(retry));
      settle(await gateway.deleteDatasourceConnection(id, { signal, onRetry }));
    } catch (error) {
      if (!isAbort(error)) setFailure(problemOf(error));
    } finally {
      setRunning(false);
      setProgress(undefined);
    }
  }

  function settle(payload: DeletePayload) {
    const { __typename } = payload;
    // Not found: somebody else has deleted it, which the list does not know yet.
    if (__typename === 'DeleteDatasourceConnectionSuccess' || __typename === 'ConnectionNotFoundError') {
      markDeleted(client.cache, { data: { deleteDatasourceConnection: payload } });
      if (__typename === 'ConnectionNotFoundError')
        client.refetchQueries({ include: [DatasourceConnectionsDocument] }).catch(() => {});
      dialog.current?.close();
      onDeleted(connection);
    } else {
      const title = __typename === 'DeleteOutcomeUnknownError' ? 'The outcome is still not known' : 'Not deleted';
      setFailure({ kind: 'other', title, message: payload.message });
    }
  }

  return (
    <dialog ref={dialog} aria-labelledby="delete-title" aria-describedby="delete-text" onClose={onClose}>
      <h2 id="delete-title">Delete {name}?</h2>
      <p id="delete-text">Tables that use this connection stop working. It cannot be restored.</p>
      {failure && <ProblemNotice problem={failure} />}
      <div className="live" role="status">
        {isRunning && <ProgressNotice progress={progress} what={`Deleting ${name}`} />}
      </div>
      <div className="actions">
        <button type="button" className="danger" aria-disabled={isRunning} onClick={remove}>
          Delete
        </button>
        <button type="button" className="quiet" ref={cancel} onClick={() => dialog.current?.close()}>
          {isRunning ? 'Stop waiting' : 'Cancel'}
        </button>
      </div>
    </dialog>
  );
}
