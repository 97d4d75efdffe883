import type { MouseEvent, ReactNode } from 'react';
import { useRef } from 'react';
import { flushSync } from 'react-dom';

interface RowsEditorProps<T extends { id: number }> {
  /** The path of the list within the input. */
  path: string;
  legend: string;
  /** What one row is, such as `tag`. */
  what: string;
  rows: readonly T[];
  hint?: string | null | undefined;
  problem?: string | undefined;
  maxItems?: number | null | undefined;
  newRow(id: number): T;
  onChange(rows: readonly T[]): void;
  /** The controls of one row. */
  children(row: T, index: number): ReactNode;
}

/** A list of rows, to which rows can be added and from which they can be removed. */
export function RowsEditor<T extends { id: number }>(props: RowsEditorProps<T>) {
  const { path, legend, what, rows, hint, problem, maxItems, newRow, onChange, children } = props;
  const group = useRef<HTMLFieldSetElement>(null);
  const nextId = useRef(rows.length);
  const isFull = maxItems != null && rows.length >= maxItems;

  function add() {
    flushSync(() => onChange([...rows, newRow(nextId.current++)]));
    group.current?.querySelectorAll('.tag')[rows.length]?.querySelector('input')?.focus();
  }

  function remove(index: number) {
    flushSync(() => onChange(rows.filter((_, other) => other !== index)));
    // The focus would be lost with the button.
    const selector = rows.length > 1 ? `[data-remove="${Math.min(index, rows.length - 2)}"]` : '.add';
    group.current?.querySelector<HTMLElement>(selector)?.focus();
  }

  // Else leaving a field shows its problem, which moves the button away from under the pointer before the click.
  const onMouseDown = (event: MouseEvent) => event.preventDefault();

  return (
    <fieldset className="tags" ref={group} data-path={path} tabIndex={-1}>
      <legend>
        {legend} <span className="optional">optional</span>
      </legend>
      {hint && <p className="hint">{hint}</p>}
      {problem && <p className="problem">{problem}</p>}
      {rows.map((row, index) => (
        <div className="tag" key={row.id}>
          {children(row, index)}
          <button
            type="button"
            className="quiet"
            data-remove={index}
            onMouseDown={onMouseDown}
            onClick={() => remove(index)}
          >
            Remove
            <span className="visually-hidden">
              {' '}
              {what} {index + 1}
            </span>
          </button>
        </div>
      ))}
      <button type="button" className="quiet add" onMouseDown={onMouseDown} onClick={add} disabled={isFull}>
        Add a {what}
      </button>
    </fieldset>
  );
}
