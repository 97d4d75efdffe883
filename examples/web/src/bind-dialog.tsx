import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
import { ActionDialog, failureOf } from './action-dialog.js';
import { fieldProblemsOf } from './create-outcome.js';
import type { EnhancedConnection } from './documents.js';
import { writeConnection } from './documents.js';
import { resourcesOf } from './draft.js';
import type { RunOptions } from './gateway.js';
import { gateway } from './gateway.js';
import type { DraftResource, FieldProblem, Rules } from './input-rules.js';
import { checkResources, wordsFor } from './input-rules.js';
import { emptyResource, ResourcesEditor } from './resources-editor.js';

interface BindDialogProps {
  connection: EnhancedConnection;
  rules: Rules;
  onDone(): void;
  onClose(): void;
}

/** Asks to which pools and queues a connection shall be bound, and binds it. */
export function BindDialog({ connection: { id, name }, rules, onDone, onClose }: BindDialogProps) {
  const { cache } = useApolloClient();
  const [resources, setResources] = useState<readonly DraftResource[]>([emptyResource(0)]);
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);

  async function run(options: RunOptions) {
    const found = checkResources(resources, rules);
    setProblems(found);
    if (found.length > 0) return undefined;
    const payload = await gateway.bindDatasourceConnection(id, resourcesOf(resources), options);
    switch (payload.__typename) {
      case 'BindDatasourceConnectionSuccess':
        writeConnection(cache, payload.connection);
        return 'done';
      case 'InvalidInputError':
        setProblems(fieldProblemsOf(payload.problems));
        return undefined;
      default:
        return failureOf('Not bound', payload);
    }
  }

  function problemOf(path: string) {
    const problem = problems.find(each => each.path === path);
    return problem && wordsFor(problem);
  }

  return (
    <ActionDialog
      title={`Bind ${name}`}
      text="Jobs of these pools and queues will reach the data source."
      label="Bind"
      what={`Binding ${name}`}
      run={run}
      onDone={onDone}
      onClose={onClose}
    >
      <ResourcesEditor
        resources={resources}
        rules={rules}
        problemOf={problemOf}
        onChange={changed => {
          setResources(changed);
          setProblems([]);
        }}
        onLeave={() => {}}
      />
    </ActionDialog>
  );
}
