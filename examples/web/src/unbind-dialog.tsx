import { useApolloClient } from '@apollo/client/react';
import { ActionDialog, failureOf } from './action-dialog.js';
import type { Binding, EnhancedConnection } from './documents.js';
import { writeConnection } from './documents.js';
import type { RunOptions } from './gateway.js';
import { gateway } from './gateway.js';

interface UnbindDialogProps {
  connection: EnhancedConnection;
  binding: Binding;
  onDone(): void;
  onClose(): void;
}

/** Asks whether to take a pool or queue from a connection, and does it. */
export function UnbindDialog({ connection, binding, onDone, onClose }: UnbindDialogProps) {
  const { cache } = useApolloClient();

  async function run(options: RunOptions) {
    const { kind, name } = binding;
    const payload = await gateway.unbindDatasourceConnection(connection.id, [{ kind, name }], options);
    if (payload.__typename !== 'UnbindDatasourceConnectionSuccess') return failureOf('Not unbound', payload);
    writeConnection(cache, payload.connection);
    return 'done';
  }

  return (
    <ActionDialog
      title={`Unbind ${binding.name} from ${connection.name}?`}
      text="Its jobs lose access to the data source."
      label="Unbind"
      what={`Unbinding ${binding.name}`}
      isDangerous
      run={run}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
