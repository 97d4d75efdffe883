import type { CreatePayload } from 'dli-gateway-client';
import type { FormEvent } from 'react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useAnnounce } from './announcer.js';
import type { FormRules } from './documents.js';
import { Field } from './field.js';
import type { CreateInput } from './gateway.js';
import type { GatewayProblem } from './gateway-problem.js';
import { isAbort, problemOf } from './gateway-problem.js';
import type { Draft, FieldProblem, TextField } from './input-rules.js';
import { checkDraft, FIELDS, rulesFor, wordsFor } from './input-rules.js';
import { ProblemNotice } from './problem-notice.js';
import { ProgressNotice } from './progress-notice.js';
import { TagsEditor } from './tags-editor.js';
import { useCreate } from './use-create.js';

interface ConnectionFormProps {
  rules: FormRules;
  onCreated(created: { id: string; name: string }): void;
}

/** The form that creates a connection, with problems beside their fields. */
export function ConnectionForm({ rules: { services, fields }, onCreated }: ConnectionFormProps) {
  const announce = useAnnounce();
  const { create, undecided, isRepeat, progress, isRunning, stop } = useCreate();
  const form = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState<Draft>(() => draftOf(undecided?.input));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [fromGateway, setFromGateway] = useState<readonly FieldProblem[]>([]);
  const [failure, setFailure] = useState<GatewayProblem>();
  const rules = useMemo(() => rulesFor(fields, services, draft.service), [fields, services, draft.service]);
  const problems = useMemo(() => checkDraft(draft, rules), [draft, rules]);
  const isCheck = !isRunning && isRepeat(inputOf(draft));
  const chosen = services.find(({ service }) => service === draft.service);

  const shown = useMemo(() => {
    const visible = [...problems.filter(({ path }) => left.has(path) || left.has('*')), ...fromGateway];
    return new Map(visible.toReversed().map(problem => [problem.path, wordsFor(problem)]));
  }, [problems, left, fromGateway]);
  const elsewhere = fromGateway.filter(({ path }) => !FIELDS.some(field => field === path) && !path.startsWith('tags'));

  // After problems were found: the first field that has one.
  const [focusProblem, setFocusProblem] = useState(0);
  useEffect(() => {
    if (focusProblem === 0) return;
    const invalid = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    (invalid ?? form.current?.querySelector<HTMLElement>('[role="alert"]'))?.focus();
  }, [focusProblem]);

  function change(changes: Partial<Draft>) {
    setDraft({ ...draft, ...changes });
    const changed = Object.keys(changes);
    setFromGateway(fromGateway.filter(({ path }) => !changed.includes(path.split('.')[0] ?? '')));
  }

  function showProblems(count: number) {
    announce(count === 1 ? 'One field needs a correction.' : `${count} fields need a correction.`);
    setFocusProblem(focusProblem + 1);
  }

  async function submit(event?: FormEvent) {
    event?.preventDefault();
    if (isRunning) return;
    setFailure(undefined);
    setFromGateway([]);
    setLeft(new Set(['*']));
    if (problems.length > 0) return showProblems(problems.length);
    announce(`Creating ${draft.name}.`);
    try {
      settle(await create(inputOf(draft)));
    } catch (error) {
      if (!isAbort(error)) setFailure(problemOf(error));
    }
  }

  function settle(payload: CreatePayload) {
    if (payload.__typename === 'CreateDatasourceConnectionSuccess') {
      setDraft(draftOf(undefined));
      setLeft(new Set());
      onCreated({ id: payload.connectionId, name: draft.name });
    } else if (payload.__typename === 'InvalidInputError') {
      setFromGateway(payload.problems.map(({ path, ...problem }) => ({ ...problem, path: path.join('.') })));
      showProblems(payload.problems.length);
    } else if (payload.__typename === 'NameTakenError') {
      setFromGateway([{ path: 'name', code: payload.code, limit: null, message: payload.message }]);
      showProblems(1);
    } else {
      const { __typename, message } = payload;
      const traceId = 'requestId' in payload ? payload.requestId : undefined;
      const title = TITLES[__typename] ?? 'Not created';
      setFailure({ kind: 'other', title, message, traceId: traceId ?? undefined });
    }
  }

  const textField = (path: TextField, label: string, more: Partial<Parameters<typeof Field>[0]> = {}) => (
    <Field
      path={path}
      label={label}
      value={draft[path]}
      required={rules.get(path)?.required ?? false}
      placeholder={rules.get(path)?.example ?? undefined}
      problem={shown.get(path)}
      onChange={text => change({ [path]: text })}
      onLeave={() => draft[path] !== '' && leave(path)}
      {...more}
    />
  );
  const leave = (path: string) => setLeft(new Set([...left, path]));

  return (
    <form className="card create" ref={form} onSubmit={submit} noValidate aria-labelledby="create-title">
      <h2 id="create-title" tabIndex={-1}>
        New connection
      </h2>
      <div className="fields" inert={isRunning}>
        {textField('name', 'Name', { hint: rules.get('name')?.rule })}
        {textField('service', 'Service', {
          options: [
            { value: '', label: 'Choose a service' },
            ...services.map(({ service, label }) => ({ value: service, label })),
          ],
        })}
        {textField('url', 'Address', { hint: chosen?.urlHint })}
        {textField('networkId', 'Network id of the subnet')}
        {textField('securityGroupId', 'Security group id')}
        <TagsEditor
          tags={draft.tags}
          rules={rules}
          problemOf={path => shown.get(path)}
          onChange={tags => change({ tags })}
          onLeave={leave}
        />
      </div>
      {elsewhere.map(({ path, message }) => (
        <p className="problem" key={path}>
          {path}: {message}
        </p>
      ))}
      {failure && <ProblemNotice problem={failure} />}
      <div className="live" role="status">
        {isRunning && <ProgressNotice progress={progress} what={`Creating ${draft.name}`} />}
        {undecided !== undefined && !isRunning && (
          <div className="notice unknown">
            <p className="title">It is not known whether {undecided.input.name} was created</p>
            <p>Check again: the same request with the same key never creates a second connection.</p>
          </div>
        )}
      </div>
      <div className="actions">
        <button type="submit" aria-disabled={isRunning}>
          {isCheck ? 'Check again' : 'Create'}
        </button>
        {isRunning && (
          <button type="button" className="quiet" onClick={stop}>
            Stop waiting
          </button>
        )}
      </div>
    </form>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  DliRejectedError: 'Huawei Cloud refused to create it',
  DliUnavailableError: 'Not possible at the moment',
  IdempotencyInProgressError: 'Still being decided',
  OutcomeUnknownError: 'The outcome is still not known',
};

function draftOf(input: CreateInput | undefined): Draft {
  const { tags = [], ...texts } = input ?? {};
  const draftTags = (tags ?? []).map((tag, id) => ({ ...tag, id }));
  const empty = { name: '', service: '', url: '', networkId: '', securityGroupId: '' };
  return { ...empty, ...texts, tags: draftTags };
}

function inputOf({ tags, ...texts }: Draft): CreateInput {
  const input = { ...texts, service: texts.service as CreateInput['service'] };
  return tags.length === 0 ? input : { ...input, tags: tags.map(({ key, value }) => ({ key, value })) };
}
