import { useRef, useState } from 'react';
import { useAnnounce } from './announcer.js';
import { BindDialog } from './bind-dialog.js';
import type { Binding, EnhancedConnection } from './documents.js';
import type { Rules } from './input-rules.js';
import { UnbindDialog } from './unbind-dialog.js';
import { BINDING_LABELS, CAUSE_LABELS, RESOURCE_LABELS, wordOf } from './words.js';

interface EnhancedDetailsProps {
  connection: EnhancedConnection;
  rules: Rules;
}

/** What a row shows of an enhanced connection only: its bindings. */
export function EnhancedDetails({ connection, rules }: EnhancedDetailsProps) {
  const announce = useAnnounce();
  const bindButton = useRef<HTMLButtonElement>(null);
  const [isBinding, setBinding] = useState(false);
  const [toUnbind, setToUnbind] = useState<Binding>();
  const { name, state, bindings } = connection;
  if (state === 'DELETED') return null;

  function afterUnbind() {
    announce(`${toUnbind?.name} is unbound.`);
    // The button that had the focus is gone.
    bindButton.current?.focus();
  }

  return (
    <>
      {bindings.length > 0 && (
        <ul className="bindings" aria-label={`Pools and queues of ${name}`}>
          {bindings.map(binding => (
            <li key={`${binding.kind} ${binding.name}`}>
              <BindingState binding={binding} />
              {binding.state === 'ACTIVE' && (
                <button type="button" className="quiet" onClick={() => setToUnbind(binding)}>
                  Unbind
                  <span className="visually-hidden">
                    {' '}
                    {binding.name} from {name}
                  </span>
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <button type="button" className="quiet bind" ref={bindButton} onClick={() => setBinding(true)}>
        Bind<span className="visually-hidden"> {name}</span>
      </button>
      {isBinding && (
        <BindDialog
          connection={connection}
          rules={rules}
          onDone={() => announce(`DLI binds ${name}.`)}
          onClose={() => setBinding(false)}
        />
      )}
      {toUnbind && (
        <UnbindDialog
          connection={connection}
          binding={toUnbind}
          onDone={afterUnbind}
          onClose={() => setToUnbind(undefined)}
        />
      )}
    </>
  );
}

/** How far a binding is, and what to do if it failed. */
function BindingState({
  binding: { kind, name, state, stateText, isOverdue, peeringId, failure },
}: {
  binding: Binding;
}) {
  return (
    <div>
      <p className="heading">
        <code>{name}</code>
        <span className={`state ${state.toLowerCase()}`}>
          {(state === 'UNKNOWN' && stateText) || wordOf(BINDING_LABELS, state)}
        </span>
      </p>
      <p className="hint">{wordOf(RESOURCE_LABELS, kind)}</p>
      {isOverdue && (
        <p className="hint">
          This takes unusually long. A pool or queue that is new or being scaled may be the reason. If it does not end,
          contact the support of Huawei Cloud{peeringId !== null && ` with ${peeringId}`}.
        </p>
      )}
      {failure && (
        <div className="failure">
          <p className="problem">
            {CAUSE_LABELS[failure.cause] ?? 'It could not be bound'}
            {failure.reason !== null && `: ${failure.reason}`}
          </p>
          <p>{failure.advice}</p>
        </div>
      )}
    </div>
  );
}
