import type { ConnectionResourceKind } from 'dli-gateway-client';
import { Field } from './field.js';
import type { DraftResource, Rules } from './input-rules.js';
import { RowsEditor } from './rows-editor.js';
import { RESOURCE_LABELS } from './words.js';

const OPTIONS = Object.entries(RESOURCE_LABELS).map(([value, label]) => ({ value, label }));

/** A row in which nothing has been typed yet. */
export function emptyResource(id: number): DraftResource {
  return { id, kind: 'ELASTIC_RESOURCE_POOL', name: '' };
}

interface ResourcesEditorProps {
  resources: readonly DraftResource[];
  rules: Rules;
  problemOf(path: string): string | undefined;
  onChange(resources: readonly DraftResource[]): void;
  onLeave(path: string): void;
}

/** The list of pools and queues: each a name with a kind. */
export function ResourcesEditor({ resources, rules, problemOf, onChange, onLeave }: ResourcesEditorProps) {
  const list = rules.get('resources');
  const change = (index: number, changes: Partial<DraftResource>) =>
    onChange(resources.map((resource, other) => (other === index ? { ...resource, ...changes } : resource)));

  return (
    <RowsEditor
      path="resources"
      legend="Pools and queues"
      what="pool or queue"
      rows={resources}
      hint="Whose jobs use the connection. Others can be bound later."
      problem={problemOf('resources')}
      maxItems={list?.maxItems}
      newRow={emptyResource}
      onChange={onChange}
    >
      {({ kind, name }, index) => (
        <>
          <Field
            path={`resources.${index}.name`}
            label={`Pool or queue ${index + 1}`}
            required
            value={name}
            placeholder={rules.get('resources.*.name')?.example ?? undefined}
            problem={problemOf(`resources.${index}.name`)}
            onChange={text => change(index, { name: text })}
            onLeave={() => onLeave(`resources.${index}.name`)}
          />
          <Field
            path={`resources.${index}.kind`}
            label={`Kind ${index + 1}`}
            required
            value={kind}
            options={OPTIONS}
            problem={problemOf(`resources.${index}.kind`)}
            onChange={value => change(index, { kind: value as ConnectionResourceKind })}
            onLeave={() => onLeave(`resources.${index}.kind`)}
          />
        </>
      )}
    </RowsEditor>
  );
}
