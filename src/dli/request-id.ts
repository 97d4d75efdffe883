const REQUEST_ID = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * Huawei Cloud's id of a request, fit to be shown.
 *
 * @param header the value of `x-request-id`
 * @returns undefined for an id of unusual form, which may be anything, and for one that is our project's
 */
export function requestIdOf(header: string | undefined, projectId: string): string | undefined {
  return header !== undefined && REQUEST_ID.test(header) && header !== projectId ? header : undefined;
}
