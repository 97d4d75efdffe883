import type { ConnectionRequest, ConnectionTag } from '../dli/connection.js';

/** The key of the tag by which a create's own connection is found in DLI. */
export const MARKER_TAG_KEY = 'gw_req';
// DLI's limit. Source: DLI API reference, "Creating a datasource connection", tags.
const MAX_TAGS = 10;
const MARKER_LENGTH = 32;

/**
 * The marker of a create.
 *
 * @param recordId a keyed hash already, so a part of it tells nobody anything
 */
export function markerTagOf(recordId: string): ConnectionTag {
  return { key: MARKER_TAG_KEY, value: recordId.slice(0, MARKER_LENGTH) };
}

/** Whether the caller's own tags leave room for a marker. */
export function hasRoomForMarker({ tags = [] }: ConnectionRequest): boolean {
  return tags.length < MAX_TAGS;
}
