import { randomUUID } from 'node:crypto';

/** The fields in which the connections of the upstream differ. */
export interface ListedConnection {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly createdAtMs: number;
}

const FIRST_CREATED_AT_MS = Date.UTC(2023, 0, 1);

/** The connections that the upstream lists from the start, oldest first; their names are the same in each run. */
export function seedConnections(count: number): ListedConnection[] {
  return Array.from({ length: count }, (_, index) => ({
    id: randomUUID(),
    name: seededName(index),
    createdAtMs: FIRST_CREATED_AT_MS + index * 1000,
  }));
}

/** The names of the newest seeded connections, newest first. */
export function newestNames(count: number, howMany: number): string[] {
  return Array.from({ length: howMany }, (_, index) => seededName(count - 1 - index));
}

/** A connection as an element of DLI's list, in the form of the 2024 manual. */
export function listElement({ id, name, createdAtMs }: ListedConnection): string {
  return JSON.stringify({
    is_success: true,
    connection_id: id,
    destination: '192.168.0.12:5432',
    state: 'ACTIVE',
    process: 1,
    name,
    connection_url: `to-rds-${id.slice(0, 8)}.datasource.com:5432`,
    cluster_name: '',
    service: 'RDS',
    create_time: createdAtMs,
    message: '',
    queue_list: ['default'],
  });
}

function seededName(index: number): string {
  return `seeded-${index}`;
}
