import { useAnnounce } from './announcer.js';
import type { Connection, DatasourceServiceInfo } from './documents.js';
import { STATE_LABELS } from './list-filter.js';
import { useFollow } from './use-follow.js';

interface ConnectionRowProps {
  connection: Connection;
  services: readonly DatasourceServiceInfo[];
  onDelete(): void;
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** One connection of the list. While DLI is creating it, it is followed. */
export function ConnectionRow({ connection, services, onDelete }: ConnectionRowProps) {
  useFollow(connection);
  const { id, name, state, stateText, service, serviceText, destination, createdAt } = connection;
  const { connectionAddress, failureReason, progress, tags } = connection;
  const label = services.find(info => info.service === service)?.label ?? serviceText ?? 'Unknown service';
  return (
    <li className="card connection" data-id={id}>
      <div className="heading">
        <h3 tabIndex={-1}>{name === '' ? id : name}</h3>
        <span className={`state ${state.toLowerCase()}`}>
          {(state === 'UNKNOWN' && stateText) || (STATE_LABELS[state] ?? state)}
        </span>
      </div>
      <p className="facts">
        <span>{label}</span>
        {destination && <code>{destination}</code>}
        {createdAt && <time dateTime={createdAt}>{TIME.format(new Date(createdAt))}</time>}
      </p>
      {state === 'CREATING' && <Progress name={name} value={progress} />}
      {failureReason && <p className="problem">{failureReason}</p>}
      {connectionAddress && <Address address={connectionAddress} name={name} />}
      {tags && tags.length > 0 && (
        <ul className="labels" aria-label={`Tags of ${name}`}>
          {tags.map(({ key, value }) => (
            <li key={key}>
              {key}
              {value !== '' && `: ${value}`}
            </li>
          ))}
        </ul>
      )}
      {state !== 'CREATING' && state !== 'DELETED' && (
        <button type="button" className="quiet danger" onClick={onDelete}>
          Delete<span className="visually-hidden"> {name}</span>
        </button>
      )}
    </li>
  );
}

function Progress({ name, value }: { name: string; value: number | null }) {
  return (
    <div className="progress">
      {value === null ? (
        <progress aria-label={`Creation of ${name}`} />
      ) : (
        <progress aria-label={`Creation of ${name}`} value={value} max={1} />
      )}
      <span aria-hidden="true">{value === null ? '' : `${Math.round(value * 100)} %`}</span>
    </div>
  );
}

/** The address to use in the definition of a table. */
function Address({ address, name }: { address: string; name: string }) {
  const announce = useAnnounce();
  const copy = async () => {
    await navigator.clipboard.writeText(address);
    announce('Copied.');
  };
  return (
    <p className="address">
      <code>{address}</code>
      <button type="button" className="quiet" onClick={() => copy().catch(() => announce('Copying is not allowed.'))}>
        Copy<span className="visually-hidden"> the address of {name}</span>
      </button>
    </p>
  );
}
