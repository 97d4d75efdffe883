import type { ChangeEvent, ReactNode } from 'react';
import { useId } from 'react';

interface FieldProps {
  label: string;
  /** The path within the input, by which the form finds the control to focus. */
  path: string;
  value: string;
  hint?: ReactNode;
  problem?: string | undefined;
  required?: boolean;
  placeholder?: string | undefined;
  /** Options of a list to choose from; without them it is a text. */
  options?: readonly { value: string; label: string }[];
  onChange(value: string): void;
  onLeave(): void;
}

/** One control of the form with its label, hint and problem, which are read together by screen readers. */
export function Field(props: FieldProps) {
  const { label, path, value, hint, problem, required = false, placeholder, options, onChange, onLeave } = props;
  const id = useId();
  const described = [problem && `${id}-problem`, hint && `${id}-hint`].filter(Boolean).join(' ');
  const control = {
    id,
    value,
    required,
    'data-path': path,
    'aria-invalid': problem !== undefined,
    'aria-describedby': described || undefined,
    onChange: (event: ChangeEvent<HTMLInputElement | HTMLSelectElement>) => onChange(event.target.value),
    onBlur: onLeave,
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {!required && <span className="optional"> optional</span>}
      </label>
      {options === undefined ? (
        <input type="text" placeholder={placeholder} autoComplete="off" spellCheck={false} {...control} />
      ) : (
        <select {...control}>
          {options.map(option => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
      {problem !== undefined && (
        <p className="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
