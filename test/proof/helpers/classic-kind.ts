import type { Emulator } from '../../../src/emulator/emulator.js';
import { CREATE_MUTATION } from '../../helpers/gateway.js';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { ConnectionKind } from './connection-kind.js';
import { digitsOf, UUID_TAIL } from './connection-kind.js';
import { listFaultsOf } from './fault-alphabet.js';

type Connection = ReturnType<Emulator['connections']>[number];

/** The complete input of a create of a classic connection. */
export interface ClassicInput {
  idempotencyKey: string;
  name: string;
  service: string;
  securityGroupId: string;
  networkId: string;
  url: string;
  tags?: { key: string; value: string }[] | null;
}

/** What identifies a create of a classic connection. */
export function identify(name: string, url: string): string {
  return `${name} at ${url}`;
}

/** Classic connections. */
export const CLASSIC: ConnectionKind<ClassicInput> = {
  mutation: CREATE_MUTATION,
  operation: 'createConnection',
  otherFaults: listFaultsOf('listConnections'),
  otherFaultShare: 0.15,
  killedAt: undefined,
  planInput,
  identify: ({ name, url }) => identify(name, url),
  identifyRequest(body) {
    const { name, url } = JSON.parse(body) as { name: string; url: string };
    return identify(name, url);
  },
  held: emulator =>
    emulator.connections().map(connection => ({
      connectionId: connection.connectionId,
      identity: identify(connection.name, connection.destination),
      createdAtMs: connection.createdAtMs,
      contradictions: input => (matchesInput(connection, input) ? [] : [`other fields ${JSON.stringify(connection)}`]),
    })),
};

function planInput(random: Random, seed: string, number: number): ClassicInput {
  const digits = digitsOf(number);
  return {
    idempotencyKey: `key-${seed}-${digits}-of-random-faults`,
    name: `c${seed}_${digits}`,
    service: pick(random, ['RDS', 'DWS', 'CSS']),
    securityGroupId: `${digits}-a${UUID_TAIL}`,
    networkId: `${digits}-b${UUID_TAIL}`,
    url: `10.0.${number >> 8}.${number & 255}:5432`,
    tags: random() < 0.5 ? [] : [{ key: 'number', value: digits }],
  };
}

function matchesInput(connection: Connection, { service, url, ...input }: ClassicInput): boolean {
  return (
    lettersOf(connection.service) === lettersOf(service) &&
    connection.destination === url &&
    connection.securityGroupId === input.securityGroupId &&
    connection.networkId === input.networkId &&
    JSON.stringify(connection.tags) === JSON.stringify(input.tags ?? [])
  );
}

// DLI spells services differently: CloudTable.OPENTSDB for CLOUD_TABLE_OPENTSDB.
function lettersOf(service: string): string {
  return service.toLowerCase().replace(/[^a-z]/g, '');
}
