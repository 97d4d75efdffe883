import type { FormEvent } from 'react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useAnnounce } from './announcer.js';
import type { CreateOutcome } from './create-outcome.js';
import { outcomeOf } from './create-outcome.js';
import type { FormRules } from './documents.js';
import { draftOf, emptyDraft, wantedOf } from './draft.js';
import { FormFields } from './form-fields.js';
import type { GatewayProblem } from './gateway-problem.js';
import { isAbort, problemOf } from './gateway-problem.js';
import type { Draft, FieldProblem } from './input-rules.js';
import { checkDraft, FIELDS, rulesFor, wordsFor } from './input-rules.js';
import { ProblemNotice } from './problem-notice.js';
import { ProgressNotice } from './progress-notice.js';
import { useCreate } from './use-create.js';

interface ConnectionFormProps {
  rules: FormRules;
  onCreated(created: { id: string; name: string }): void;
}

/** The form that creates a connection, with problems beside their fields. */
export function ConnectionForm({ rules: allRules, onCreated }: ConnectionFormProps) {
  const announce = useAnnounce();
  const { create, undecided, isRepeat, progress, isRunning, stop } = useCreate();
  const form = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState<Draft>(() => (undecided ? draftOf(undecided.wanted) : emptyDraft('ENHANCED')));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [fromGateway, setFromGateway] = useState<readonly FieldProblem[]>([]);
  const [failure, setFailure] = useState<GatewayProblem>();
  const rules = useMemo(() => rulesFor(allRules, draft.kind, draft.service), [allRules, draft.kind, draft.service]);
  const problems = useMemo(() => checkDraft(draft, rules), [draft, rules]);
  const isCheck = !isRunning && isRepeat(wantedOf(draft));

  const shown = useMemo(() => {
    const visible = [...problems.filter(({ path }) => left.has(path) || left.has('*')), ...fromGateway];
    return new Map(visible.toReversed().map(problem => [problem.path, wordsFor(problem)]));
  }, [problems, left, fromGateway]);
  const elsewhere = fromGateway.filter(
    ({ path }) => !FIELDS[draft.kind].some(field => field === path) && !/^(?:tags|resources)\b/.test(path),
  );

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
    // Fields of the other kind have not been seen yet.
    if (changes.kind !== undefined) setLeft(new Set());
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
      settle(outcomeOf(await create(wantedOf(draft))));
    } catch (error) {
      if (!isAbort(error)) setFailure(problemOf(error));
    }
  }

  function settle(outcome: CreateOutcome) {
    if (outcome.kind === 'failure') setFailure(outcome.failure);
    else if (outcome.kind === 'problems') {
      setFromGateway(outcome.problems);
      showProblems(outcome.problems.length);
    } else {
      setDraft(emptyDraft(draft.kind));
      setLeft(new Set());
      onCreated({ id: outcome.id, name: draft.name });
      const message = outcome.notBound.map(resource => `${resource.name}: ${resource.message}`).join(' ');
      if (message !== '') setFailure({ kind: 'unavailable', title: `${draft.name} exists, but is not bound`, message });
    }
  }

  return (
    <form className="card create" ref={form} onSubmit={submit} noValidate aria-labelledby="create-title">
      <h2 id="create-title" tabIndex={-1}>
        New connection
      </h2>
      <div className="fields" inert={isRunning}>
        <FormFields
          draft={draft}
          rules={rules}
          services={allRules.services}
          problemOf={path => shown.get(path)}
          onChange={change}
          onLeave={path => setLeft(new Set([...left, path]))}
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
            <p className="title">It is not known whether {undecided.wanted.input.name} was created</p>
            <p>Check again: the same request with the same key never creates a second connection.</p>
          </div>
        )}
      </div>
      <div className="actions">
        {/* The problem of a field that is left must not move the button away before the click. */}
        <button type="submit" aria-disabled={isRunning} onMouseDown={event => event.preventDefault()}>
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
