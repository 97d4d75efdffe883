import type { DatasourceConnectionKind, DatasourceConnectionState, DatasourceService } from 'dli-gateway-client';
import { useEffect, useState } from 'react';
import type { DatasourceServiceInfo } from './documents.js';
import { KIND_LABELS, STATE_LABELS } from './words.js';

/** What is shown; an empty text stands for everything. */
export interface Filter {
  kind: DatasourceConnectionKind | '';
  state: DatasourceConnectionState | '';
  service: DatasourceService | '';
  name: string;
}

/** Shows all connections. */
export const NO_FILTER: Filter = { kind: '', state: '', service: '', name: '' };

const TYPING_PAUSE_MS = 250;
const MAX_NAME_LENGTH = 64;

interface ListFilterProps {
  services: readonly DatasourceServiceInfo[];
  filter: Filter;
  onChange(filter: Filter): void;
}

/** The filter of the list. */
export function ListFilter({ services, filter, onChange }: ListFilterProps) {
  const [name, setName] = useState(filter.name);
  useEffect(() => setName(filter.name), [filter.name]);
  useEffect(() => {
    if (name === filter.name) return undefined;
    const timer = setTimeout(() => onChange({ ...filter, name }), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [name, filter, onChange]);

  return (
    <search>
      <form className="filter" aria-label="Filter" onSubmit={event => event.preventDefault()}>
        <label className="name">
          Name contains
          <input
            type="search"
            maxLength={MAX_NAME_LENGTH}
            value={name}
            onChange={event => setName(event.target.value)}
          />
        </label>
        <label>
          Kind
          <select
            value={filter.kind}
            onChange={event => onChange({ ...filter, kind: event.target.value as Filter['kind'] })}
          >
            <option value="">All</option>
            {Object.entries(KIND_LABELS).map(([kind, label]) => (
              <option key={kind} value={kind}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          State
          <select
            value={filter.state}
            onChange={event => onChange({ ...filter, state: event.target.value as Filter['state'] })}
          >
            <option value="">All but deleted</option>
            {Object.entries(STATE_LABELS).map(([state, label]) => (
              <option key={state} value={state}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Service
          <select
            value={filter.service}
            onChange={event => onChange({ ...filter, service: event.target.value as Filter['service'] })}
          >
            <option value="">All</option>
            {services.map(({ service, label }) => (
              <option key={service} value={service}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </form>
    </search>
  );
}
