import { useAnnounce } from './announcer.js';
import type { ClassicConnection } from './documents.js';

/** What a row shows of a classic connection only. */
export function ClassicDetails({ connection }: { connection: ClassicConnection }) {
  const { name, state, connectionAddress, failureReason, progress, tags } = connection;
  return (
    <>
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
    </>
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
