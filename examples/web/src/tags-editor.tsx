import { useRef } from 'react';
import { flushSync } from 'react-dom';
import { Field } from './field.js';
import type { DraftTag, Rules } from './input-rules.js';

interface TagsEditorProps {
  tags: readonly DraftTag[];
  rules: Rules;
  problemOf(path: string): string | undefined;
  onChange(tags: readonly DraftTag[]): void;
  onLeave(path: string): void;
}

/** The list of tags: each a key with a value. */
export function TagsEditor({ tags, rules, problemOf, onChange, onLeave }: TagsEditorProps) {
  const group = useRef<HTMLFieldSetElement>(null);
  const nextId = useRef(tags.length);
  const { maxItems, rule } = rules.get('tags') ?? { maxItems: null, rule: null };
  const isFull = maxItems !== null && tags.length >= maxItems;
  const problem = problemOf('tags');

  const focus = (selector: string) => group.current?.querySelector<HTMLElement>(selector)?.focus();

  function add() {
    flushSync(() => onChange([...tags, { id: nextId.current++, key: '', value: '' }]));
    focus(`[data-path="tags.${tags.length}.key"]`);
  }

  function remove(index: number) {
    flushSync(() => onChange(tags.filter((_, other) => other !== index)));
    // The focus would be lost with the button.
    focus(tags.length > 1 ? `[data-remove="${Math.min(index, tags.length - 2)}"]` : '.add');
  }

  const change = (index: number, changes: Partial<DraftTag>) =>
    onChange(tags.map((tag, other) => (other === index ? { ...tag, ...changes } : tag)));

  return (
    <fieldset className="tags" ref={group} data-path="tags" tabIndex={-1}>
      <legend>
        Tags <span className="optional">optional</span>
      </legend>
      {rule && <p className="hint">{rule}</p>}
      {problem && <p className="problem">{problem}</p>}
      {tags.map((tag, index) => (
        <div className="tag" key={tag.id}>
          {(['key', 'value'] as const).map(part => {
            const path = `tags.${index}.${part}`;
            return (
              <Field
                key={part}
                path={path}
                label={`${part === 'key' ? 'Key' : 'Value'} of tag ${index + 1}`}
                required={part === 'key'}
                value={tag[part]}
                placeholder={rules.get(`tags.*.${part}`)?.example ?? undefined}
                problem={problemOf(path)}
                onChange={text => change(index, { [part]: text })}
                onLeave={() => onLeave(path)}
              />
            );
          })}
          <button type="button" className="quiet" data-remove={index} onClick={() => remove(index)}>
            Remove<span className="visually-hidden"> tag {index + 1}</span>
          </button>
        </div>
      ))}
      <button type="button" className="quiet add" onClick={add} disabled={isFull}>
        Add a tag
      </button>
    </fieldset>
  );
}
