import { createHash } from 'node:crypto';
import { findServiceKind } from './service-kind.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * The address under which jobs reach a connection, like `to-rds-1174405057-EA1Kgo8H.datasource.com:3306`:
 * always the same for one connection, with the port of the (first) address it leads to.
 */
export function connectionUrlOf(connectionId: string, service: string, destination: string): string {
  const kind = findServiceKind(service);
  const hash = createHash('sha256').update(connectionId).digest();
  const suffix = [...hash.subarray(4, 12)].map(byte => ALPHABET[byte % ALPHABET.length]).join('');
  // All printed samples lie between 1174404953 and 1174405119.
  const number = 1_174_404_900 + (hash.readUInt32BE(0) % 1_000);
  const port = /:(\d{1,5})$/.exec(destination.split(',')[0] ?? '')?.[1] ?? kind?.port ?? 3306;
  return `to-${kind?.addressPrefix ?? 'ct'}-${number}-${suffix}.datasource.com:${port}`;
}
