import { useApolloClient } from '@apollo/client/react';
import { DatasourceConnectionsDocument } from 'dli-gateway-client';
import { markDeleted } from 'dli-gateway-client/apollo';
import { useState } from 'react';
import { ActionDialog, failureOf } from './action-dialog.js';
import type { Connection } from './documents.js';
import type { RunOptions } from './gateway.js';
import { gateway } from './gateway.js';

interface DeleteDialogProps {
  connection: Connection;
  onDeleted(connection: Connection): void;
  onClose(): void;
}

/** Asks whether to delete a connection, and deletes it. */
export function DeleteDialog({ connection, onDeleted, onClose }: DeleteDialogProps) {
  const client = useApolloClient();
  const [isUnboundOnly, setUnboundOnly] = useState(true);
  const { id, name, __typename } = connection;
  const isEnhanced = __typename === 'EnhancedDatasourceConnection';

  async function run(options: RunOptions) {
    const ifUnbound = isEnhanced && isUnboundOnly;
    const payload = await gateway.deleteDatasourceConnection(id, { ...options, ifUnbound });
    switch (payload.__typename) {
      case 'DeleteDatasourceConnectionSuccess':
        markDeleted(client.cache, { data: { deleteDatasourceConnection: payload } });
        return 'done';
      case 'ConnectionNotFoundError':
        // Somebody else has deleted it, which the list does not know yet.
        client.refetchQueries({ include: [DatasourceConnectionsDocument] }).catch(() => {});
        return 'done';
      default:
        return failureOf('Not deleted', payload);
    }
  }

  return (
    <ActionDialog
      title={`Delete ${name}?`}
      text="Tables that use this connection stop working. It cannot be restored."
      label="Delete"
      what={`Deleting ${name}`}
      isDangerous
      run={run}
      onDone={() => onDeleted(connection)}
      onClose={onClose}
    >
      {isEnhanced && (
        <label className="tick">
          <input type="checkbox" checked={isUnboundOnly} onChange={event => setUnboundOnly(event.target.checked)} />
          Only if no pool or queue is bound to it
        </label>
      )}
    </ActionDialog>
  );
}
