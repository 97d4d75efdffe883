import { randomUUID } from 'node:crypto';
import type { EmulatorOptions } from './options.js';
import type { Resource, ResourceReference } from './resources.js';
import { doOverlap } from './resources.js';
import { DEFAULT_SUBNET_CIDR } from './settings.js';

/** State of the binding of a connection to a pool or queue at one point in time. */
export interface StoredBinding extends ResourceReference {
  /** Id of the VPC peering. */
  readonly peerId: string;
  /** `CREATING`, `ACTIVE` or `FAILED`; any text for a seeded binding. */
  readonly status: string;
  /** Reason of a FAILED binding; else empty. */
  readonly errorMessage: string;
  /** Time of the last change of status. */
  readonly updatedAtMs: number;
}

/** The stored part of a binding, from which its state at any time is computed. */
export interface BindingRecord extends ResourceReference {
  readonly cidr: string | undefined;
  readonly peerId: string;
  readonly boundAtMs: number;
  /** End of the peering's creation, successful or not; `Infinity` for a binding that stays CREATING. */
  readonly readyAtMs: number;
  /** Reason if the creation of the peering fails; else empty. */
  readonly failureReason: string;
  /** Values of a seeded binding that override the computed ones. */
  readonly pinned: Partial<Pick<StoredBinding, 'status' | 'errorMessage' | 'updatedAtMs'>>;
}

/** A subnet to which connections lead, and what is already bound to one of them. */
interface Destination {
  readonly networkId: string;
  readonly bindings: readonly BindingRecord[];
}

/** Creates the binding of a resource. Whether it will fail is decided now. */
export function createBinding(resource: Resource, destination: Destination, options: EmulatorOptions): BindingRecord {
  const { kind, name, cidr } = resource;
  const boundAtMs = options.now();
  const isStuck = options.stuckResources !== '' && new RegExp(options.stuckResources).test(name);
  return {
    kind,
    name,
    cidr,
    peerId: randomUUID(),
    boundAtMs,
    readyAtMs: isStuck ? Number.POSITIVE_INFINITY : boundAtMs + options.peeringMs,
    failureReason: failureReasonOf(resource, destination, options),
    pinned: {},
  };
}

/** Computes the state of a binding at `nowMs`. */
export function bindingAt(record: BindingRecord, nowMs: number): StoredBinding {
  const { kind, name, peerId, boundAtMs, readyAtMs, failureReason, pinned } = record;
  const isReady = nowMs >= readyAtMs;
  const statusWhenReady = failureReason === '' ? 'ACTIVE' : 'FAILED';
  return {
    kind,
    name,
    peerId,
    status: isReady ? statusWhenReady : 'CREATING',
    errorMessage: isReady ? failureReason : '',
    updatedAtMs: isReady ? readyAtMs : boundAtMs,
    ...pinned,
  };
}

function failureReasonOf(resource: Resource, { networkId, bindings }: Destination, options: EmulatorOptions): string {
  const { subnetCidrs, agencyPermission } = options;
  // Parts of this text are documented, as is its cause: the permission, not the subnet, is missing.
  if (!agencyPermission)
    return `Failed to get subnet ${networkId}. Response code 404, body {"code":"VPC.0202","message":"Query resource by id ${networkId} fail. the subnet could not be found."}`;
  const { cidr } = resource;
  if (cidr === undefined) return '';
  const subnetCidr = new Map(Object.entries(subnetCidrs)).get(networkId) ?? DEFAULT_SUBNET_CIDR;
  if (doOverlap(cidr, subnetCidr)) return overlapText(resource, `CIDR ${subnetCidr} of the data source`);
  const other = bindings.find(
    bound => bound.failureReason === '' && bound.cidr !== undefined && doOverlap(cidr, bound.cidr),
  );
  return other === undefined ? '' : overlapText(resource, `CIDR ${other.cidr} of ${other.name}, which is bound too`);
}

// It is documented that the text mentions an overlap, but not its wording.
function overlapText({ cidr, name }: Resource, other: string): string {
  return `The CIDR ${cidr} of ${name} overlaps with the ${other}.`;
}
