import { Field } from './field.js';
import type { DraftTag, Rules } from './input-rules.js';
import { RowsEditor } from './rows-editor.js';

interface TagsEditorProps {
  tags: readonly DraftTag[];
  rules: Rules;
  problemOf(path: string): string | undefined;
  onChange(tags: readonly DraftTag[]): void;
  onLeave(path: string): void;
}

/** The list of tags: each a key with a value. */
export function TagsEditor({ tags, rules, problemOf, onChange, onLeave }: TagsEditorProps) {
  const list = rules.get('tags');
  const change = (index: number, changes: Partial<DraftTag>) =>
    onChange(tags.map((tag, other) => (other === index ? { ...tag, ...changes } : tag)));

  return (
    <RowsEditor
      path="tags"
      legend="Tags"
      what="tag"
      rows={tags}
      hint={list?.rule}
      problem={problemOf('tags')}
      maxItems={list?.maxItems}
      newRow={id => ({ id, key: '', value: '' })}
      onChange={onChange}
    >
      {(tag, index) =>
        (['key', 'value'] as const).map(part => {
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
        })
      }
    </RowsEditor>
  );
}
