import type { DatasourceServiceInfo } from './documents.js';
import { Field } from './field.js';
import type { Draft, Rules, TextField } from './input-rules.js';
import { KindChoice } from './kind-choice.js';
import { ResourcesEditor } from './resources-editor.js';
import { TagsEditor } from './tags-editor.js';

interface FormFieldsProps {
  draft: Draft;
  rules: Rules;
  services: readonly DatasourceServiceInfo[];
  problemOf(path: string): string | undefined;
  onChange(changes: Partial<Draft>): void;
  onLeave(path: string): void;
}

/** The controls of the form, for the chosen kind of connection. */
export function FormFields({ draft, rules, services, problemOf, onChange, onLeave }: FormFieldsProps) {
  const textField = (path: TextField, label: string, more: Partial<Parameters<typeof Field>[0]> = {}) => (
    <Field
      path={path}
      label={label}
      value={draft[path]}
      required={rules.get(path)?.required ?? false}
      placeholder={rules.get(path)?.example ?? undefined}
      problem={problemOf(path)}
      onChange={text => onChange({ [path]: text })}
      onLeave={() => draft[path] !== '' && onLeave(path)}
      {...more}
    />
  );
  const serviceOptions = services.map(({ service, label }) => ({ value: service, label }));
  return (
    <>
      <KindChoice kind={draft.kind} onChange={kind => onChange({ kind })} />
      {textField('name', 'Name', { hint: rules.get('name')?.rule })}
      {draft.kind === 'CLASSIC' ? (
        <>
          {textField('service', 'Service', { options: [{ value: '', label: 'Choose a service' }, ...serviceOptions] })}
          {textField('url', 'Address', { hint: services.find(({ service }) => service === draft.service)?.urlHint })}
          {textField('networkId', 'Network id of the subnet')}
          {textField('securityGroupId', 'Security group id')}
        </>
      ) : (
        <>
          {textField('vpcId', 'VPC id', { hint: 'The VPC that the data source is in.' })}
          {textField('networkId', 'Network id of the subnet', { hint: 'The subnet that the data source is in.' })}
          <ResourcesEditor
            resources={draft.resources}
            rules={rules}
            problemOf={problemOf}
            onChange={resources => onChange({ resources })}
            onLeave={onLeave}
          />
        </>
      )}
      <TagsEditor
        tags={draft.tags}
        rules={rules}
        problemOf={problemOf}
        onChange={tags => onChange({ tags })}
        onLeave={onLeave}
      />
    </>
  );
}
