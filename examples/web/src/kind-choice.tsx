import type { Kind } from './input-rules.js';

const CHOICES: readonly { kind: Kind; label: string; hint: string }[] = [
  { kind: 'ENHANCED', label: 'Enhanced (recommended)', hint: 'To a subnet of a VPC. The kind for new data sources.' },
  { kind: 'CLASSIC', label: 'Classic', hint: 'To one service. Huawei Cloud ended its support on 2024-06-30.' },
];

/** Lets the user choose which kind of connection to create. */
export function KindChoice({ kind, onChange }: { kind: Kind; onChange(kind: Kind): void }) {
  return (
    <fieldset className="kinds">
      <legend>Kind of connection</legend>
      {CHOICES.map(choice => (
        <div className="kind" key={choice.kind}>
          <input
            type="radio"
            name="kind"
            id={`kind-${choice.kind}`}
            aria-describedby={`kind-${choice.kind}-hint`}
            checked={kind === choice.kind}
            onChange={() => onChange(choice.kind)}
          />
          <label htmlFor={`kind-${choice.kind}`}>{choice.label}</label>
          <p className="hint" id={`kind-${choice.kind}-hint`}>
            {choice.hint}
          </p>
        </div>
      ))}
    </fieldset>
  );
}
