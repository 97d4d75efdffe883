// The page's words for what the gateway calls by names. Translate them here. Names that are added later are shown as
// they are.

type Words = Readonly<Record<string, string>>;

/** The kinds of connections. */
export const KIND_LABELS: Words = { ENHANCED: 'Enhanced', CLASSIC: 'Classic' };

/** The states of connections. */
export const STATE_LABELS: Words = {
  ACTIVE: 'Active',
  CREATING: 'Creating',
  FAILED: 'Failed',
  DELETED: 'Deleted',
  UNKNOWN: 'Other',
};

/** Whether jobs can use an enhanced connection. */
export const READINESS_LABELS: Words = {
  UNBOUND: 'Not bound',
  BINDING: 'Being bound',
  READY: 'Ready',
  PARTLY_READY: 'Partly ready',
  FAILED: 'Failed',
  DELETED: 'Deleted',
};

/** The readiness as one of the colours of {@link STATE_LABELS}. */
export const READINESS_COLOURS: Words = {
  BINDING: 'creating',
  READY: 'active',
  PARTLY_READY: 'partly',
  FAILED: 'failed',
};

/** The states of a binding. */
export const BINDING_LABELS: Words = { CREATING: 'Being bound', ACTIVE: 'Bound', FAILED: 'Failed' };

/** What a connection is bound to. */
export const RESOURCE_LABELS: Words = { ELASTIC_RESOURCE_POOL: 'Elastic resource pool', QUEUE: 'Queue' };

/** Why a binding failed. */
export const CAUSE_LABELS: Words = {
  CIDR_OVERLAP: 'Address ranges overlap',
  AGENCY_PERMISSION_MISSING: 'DLI may not change the VPC',
  NETWORK_NOT_FOUND: 'The network was not found',
  ROUTE_CONFLICT: 'A route prevents it',
  NETWORK_QUOTA: 'A quota of the VPC is used up',
};

/** The text of a name. */
export function wordOf(words: Words, name: string): string {
  return words[name] ?? name;
}
