import { useQuery } from '@apollo/client/react';
import { DatasourceConnectionsDocument } from 'dli-gateway-client';
import type { RefObject } from 'react';
import { useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react';
import { useAnnounce } from './announcer.js';
import { ConnectionRow } from './connection-row.js';
import { DeleteDialog } from './delete-dialog.js';
import type { Connection, FormRules } from './documents.js';
import type { GatewayProblem } from './gateway-problem.js';
import { problemOf } from './gateway-problem.js';
import { rulesFor } from './input-rules.js';
import type { Filter } from './list-filter.js';
import { ListFilter, NO_FILTER } from './list-filter.js';
import { ProblemNotice } from './problem-notice.js';
import { KIND_LABELS, wordOf } from './words.js';

const PAGE_SIZE = 20;

/** What other parts of the page may ask of the list. */
export interface ListHandle {
  /** Shows a connection that was created just now, and moves the focus to it. */
  show(id: string): void;
}

interface ConnectionListProps {
  rules: FormRules;
  handle: RefObject<ListHandle | null>;
}

/** The connections, newest first, in pages. */
export function ConnectionList({ rules, handle }: ConnectionListProps) {
  const { services } = rules;
  const enhancedRules = useMemo(() => rulesFor(rules, 'ENHANCED', ''), [rules]);
  const announce = useAnnounce();
  const section = useRef<HTMLElement>(null);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [toDelete, setToDelete] = useState<Connection>();
  const [failure, setFailure] = useState<GatewayProblem>();
  const [toFocus, setToFocus] = useState<string>();
  const query = useQuery(DatasourceConnectionsDocument, {
    variables: { first: PAGE_SIZE, filter: variablesOf(filter) },
    notifyOnNetworkStatusChange: true,
  });
  const { loading, error, refetch, fetchMore } = query;
  // While another filter loads, the list of the last one stays.
  const page = (query.data ?? query.previousData)?.datasourceConnections;
  const items = page?.items ?? [];

  useImperativeHandle(handle, () => ({
    show(id) {
      setFilter(NO_FILTER);
      setToFocus(id);
      refetch({ filter: variablesOf(NO_FILTER) }).catch(() => {});
    },
  }));

  useEffect(() => {
    if (toFocus === undefined) return;
    const row = section.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(toFocus)}"] h3`);
    if (!row) return;
    row.focus();
    setToFocus(undefined);
  });

  async function loadMore() {
    if (loading) return;
    setFailure(undefined);
    try {
      const { data } = await fetchMore({ variables: { after: page?.nextCursor ?? null } });
      const more = data?.datasourceConnections.items ?? [];
      announce(`${more.length} more connections are shown.`);
      // The button moves away or disappears, so the first of the new connections gets the focus.
      setToFocus(more[0]?.id ?? items.at(-1)?.id);
    } catch (problem) {
      setFailure(problemOf(problem));
    }
  }

  /** Moves the focus to the row that takes the place of a deleted one. */
  function afterDelete(deleted: Connection) {
    const index = items.findIndex(({ id }) => id === deleted.id);
    const neighbour = items[index + 1] ?? items[index - 1];
    setToDelete(undefined);
    announce(`${deleted.name} is deleted.`);
    if (neighbour) setToFocus(neighbour.id);
    else section.current?.querySelector('h2')?.focus();
  }

  return (
    <section className="list" ref={section} aria-labelledby="list-title" aria-busy={loading}>
      <header>
        <h2 id="list-title" tabIndex={-1}>
          Connections
        </h2>
        <p className="count" role="status">
          {page && (page.totalCount === 1 ? '1 connection' : `${page.totalCount} connections`)}
        </p>
        <button type="button" className="quiet refresh" onClick={() => refetch().catch(() => {})}>
          Refresh
        </button>
      </header>
      <ListFilter services={services} filter={filter} onChange={setFilter} />
      {error && <ProblemNotice problem={problemOf(error)} onRetry={() => refetch().catch(() => {})} />}
      {page !== undefined && page.unavailableKinds.length > 0 && <Unavailable kinds={page.unavailableKinds} />}
      {loading && page === undefined && <p className="empty">Loading …</p>}
      {page !== undefined && items.length === 0 && !error && (
        <Empty isFiltered={Object.values(filter).some(text => text !== '')} />
      )}
      {items.length > 0 && (
        <ul>
          {items.map(connection => (
            <ConnectionRow
              key={connection.id}
              connection={connection}
              services={services}
              rules={enhancedRules}
              onDelete={() => setToDelete(connection)}
            />
          ))}
        </ul>
      )}
      {page?.nextCursor && (
        <button type="button" className="quiet more" aria-disabled={loading} onClick={loadMore}>
          Load more ({items.length} of {page.totalCount} shown)
        </button>
      )}
      {failure && <ProblemNotice problem={failure} onRetry={loadMore} />}
      {toDelete && (
        <DeleteDialog connection={toDelete} onDeleted={afterDelete} onClose={() => setToDelete(undefined)} />
      )}
    </section>
  );
}

/** Says that connections are missing in the list. */
function Unavailable({ kinds }: { kinds: readonly string[] }) {
  const words = kinds.map(kind => wordOf(KIND_LABELS, kind).toLowerCase()).join(' and ');
  return (
    <div className="notice unavailable" role="status">
      <p className="title">Connections are missing here</p>
      <p>DLI does not list {words} connections at the moment. It may not offer them to this account.</p>
    </div>
  );
}

function Empty({ isFiltered }: { isFiltered: boolean }) {
  return (
    <div className="empty">
      <p className="title">{isFiltered ? 'No connection matches' : 'No connections yet'}</p>
      <p>
        {isFiltered
          ? 'Change the filter to see others.'
          : 'A connection lets the jobs of Data Lake Insight reach a database or another service in your network.'}
      </p>
    </div>
  );
}

function variablesOf({ kind, state, service, name }: Filter) {
  return {
    ...(kind !== '' && { kinds: [kind] }),
    ...(state !== '' && { states: [state] }),
    ...(service !== '' && { services: [service] }),
    ...(name !== '' && { name }),
  };
}
