import type { ConnectionTag, ListedResource } from './connection.js';
import { ResourceKind } from './connection.js';
import type { FieldReader } from './field-reader.js';
import type { DecodedResponse } from './responses.js';
import { readList, readSuccess } from './responses.js';
import { shownTags } from './sanitize.js';

/** An elastic resource pool. Names are in lower case, because DLI ignores their case. */
export interface ListedPool {
  name: string;
  queueNames: string[];
}

/**
 * Parses one page of DLI's response to `GET /v3/{project_id}/elastic-resource-pools`. Undefined when it is not a
 * complete page.
 */
export function readPools(
  response: DecodedResponse,
  bounds: { offset: number; limit: number },
): ListedPool[] | undefined {
  return readList(response, 'elastic_resource_pools', bounds)?.flatMap(pool => {
    const name = pool.requiredText('elastic_resource_pool_name');
    if (name === null) return [];
    return { name: name.toLowerCase(), queueNames: pool.texts('queues').map(queue => queue.toLowerCase()) };
  });
}

/** Parses DLI's response to `GET /v1.0/{project_id}/queues`. Undefined when it is not a complete list. */
export function readQueues(response: DecodedResponse): ListedResource[] | undefined {
  return readList(response, 'queues')?.flatMap(queue => {
    const name = queueNameOf(queue);
    if (name === null) return [];
    const poolName = queue.text('elastic_resource_pool_name') || null;
    return { kind: ResourceKind.QUEUE, name: name.toLowerCase(), poolName: poolName?.toLowerCase() ?? null };
  });
}

// The get of a single queue has names like the second one.
function queueNameOf(queue: FieldReader): string | null {
  return queue.text('queueName') || queue.requiredText('queue_name');
}

/**
 * Parses DLI's response to `GET /v3/{project_id}/dli_enhanced_datasource/{connection_id}/tags`: the tags that may be
 * shown. Undefined when it is not a success.
 */
export function readTags(response: DecodedResponse): ConnectionTag[] | undefined {
  const fields = readSuccess(response);
  return fields && (shownTags(fields.tags('tags'), response.confidential) ?? []);
}
