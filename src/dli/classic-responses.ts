import { ConnectionKind } from './connection.js';
import type { FieldReader } from './field-reader.js';
import type { ConnectionDecoder, DecodedResponse, DescribedClassicConnection, DescribedQueue } from './responses.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readErrorCode, shownMessage, shownTags } from './sanitize.js';

/** DLI's name of the cluster in SQL mode, which has none. */
const NO_CLUSTER = '#SQL#';

// Every documented field may be missing.
function describe(fields: FieldReader, id: string | null, confidential: ConfidentialTexts): DescribedClassicConnection {
  const progress = fields.number('process');
  const cluster = fields.text('cluster_name');
  return {
    kind: ConnectionKind.CLASSIC,
    id,
    name: fields.text('name'),
    state: fields.text('state'),
    service: fields.text('service'),
    destination: fields.text('destination'),
    createdAtMs: fields.number('create_time'),
    progress: progress === null ? null : Math.min(1, Math.max(0, progress)),
    // Lists of 2018 have a key that ends in a space.
    message: shownMessage(fields.text('message') || fields.text('message '), confidential),
    address: fields.text('connection_url') || null,
    clusterName: cluster === NO_CLUSTER ? null : cluster || null,
    queues: queuesOf(fields, confidential),
    tags: shownTags(fields.tags('tags'), confidential),
  };
}

// Newer lists have names only; a response may have both fields.
function queuesOf(fields: FieldReader, confidential: ConfidentialTexts): DescribedQueue[] {
  const known = fields.objects('available_queue_info').map(info => ({
    name: info.text('name'),
    state: info.text('status'),
    problem: shownMessage(info.text('err_msg'), confidential),
    updatedAtMs: info.number('update_time'),
  }));
  const names = new Set(known.map(({ name }) => name));
  const others = fields.texts('queue_list').filter(name => !names.has(name));
  return [...known, ...others.map(name => ({ name, state: null, problem: null, updatedAtMs: null }))];
}

/** Decodes `GET /v2.0/{project_id}/datasource-connection/{connection_id}` and the elements of lists. */
export const CLASSIC_DECODER: ConnectionDecoder = { idField: 'connection_id', describe };

/** Whether an error code says that there is no such connection. The codes are undocumented guesses. */
export function isClassicNotFound({ status, text }: DecodedResponse): boolean {
  if (status !== 400 && status !== 404) return false;
  const code = readErrorCode(text);
  return code === 'DLI.0002' || code === 'DLI.0023';
}
