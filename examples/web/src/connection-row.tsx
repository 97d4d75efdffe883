import { ClassicDetails } from './classic-details.js';
import type { Connection, DatasourceServiceInfo } from './documents.js';
import { EnhancedDetails } from './enhanced-details.js';
import type { Rules } from './input-rules.js';
import { useFollow } from './use-follow.js';
import { KIND_LABELS, READINESS_COLOURS, READINESS_LABELS, STATE_LABELS, wordOf } from './words.js';

interface ConnectionRowProps {
  connection: Connection;
  services: readonly DatasourceServiceInfo[];
  /** Of enhanced connections. */
  rules: Rules;
  onDelete(): void;
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** One connection of the list. While DLI is at work on it, it is followed. */
export function ConnectionRow({ connection, services, rules, onDelete }: ConnectionRowProps) {
  useFollow(connection);
  const { id, kind, name, state, isSettled, createdAt } = connection;
  return (
    <li className="card connection" data-id={id}>
      <div className="heading">
        <h3 tabIndex={-1}>{name === '' ? id : name}</h3>
        <State connection={connection} />
      </div>
      <p className="facts">
        <span>{wordOf(KIND_LABELS, kind)}</span>
        <Destination connection={connection} services={services} />
        {createdAt && <time dateTime={createdAt}>{TIME.format(new Date(createdAt))}</time>}
      </p>
      {connection.__typename === 'ClassicDatasourceConnection' ? (
        <ClassicDetails connection={connection} />
      ) : (
        <EnhancedDetails connection={connection} rules={rules} />
      )}
      {isSettled && state !== 'DELETED' && (
        <button type="button" className="quiet danger" onClick={onDelete}>
          Delete<span className="visually-hidden"> {name}</span>
        </button>
      )}
    </li>
  );
}

/** The state in one word: of an enhanced connection, whether jobs can use it. */
function State({ connection }: { connection: Connection }) {
  const { state, stateText } = connection;
  const other = state === 'UNKNOWN' ? stateText : null;
  if (connection.__typename === 'ClassicDatasourceConnection')
    return <span className={`state ${state.toLowerCase()}`}>{other ?? wordOf(STATE_LABELS, state)}</span>;
  const { readiness } = connection;
  return (
    <span className={`state ${READINESS_COLOURS[readiness] ?? ''}`}>
      {other ?? wordOf(READINESS_LABELS, readiness)}
    </span>
  );
}

/** What the connection leads to. */
function Destination({ connection, services }: Pick<ConnectionRowProps, 'connection' | 'services'>) {
  if (connection.__typename === 'EnhancedDatasourceConnection')
    return (
      <>
        {connection.vpcId && (
          <span>
            VPC <code>{connection.vpcId}</code>
          </span>
        )}
        {connection.networkId && (
          <span>
            Subnet <code>{connection.networkId}</code>
          </span>
        )}
      </>
    );
  const { service, serviceText, destination } = connection;
  return (
    <>
      <span>{services.find(info => info.service === service)?.label ?? serviceText ?? 'Unknown service'}</span>
      {destination && <code>{destination}</code>}
    </>
  );
}
