import type { NewConnection } from './gateway.js';
import type { Draft, DraftResource, Kind } from './input-rules.js';

const NO_TEXTS = { name: '', service: '', url: '', networkId: '', securityGroupId: '', vpcId: '' };

/** A form in which nothing has been typed yet. */
export function emptyDraft(kind: Kind): Draft {
  return { kind, ...NO_TEXTS, resources: [], tags: [] };
}

/** The form that asks for this connection. */
export function draftOf({ kind, input }: NewConnection): Draft {
  const withIds = <T extends object>(rows: readonly T[] | null | undefined) =>
    (rows ?? []).map((row, id) => ({ ...row, id }));
  const { tags, ...texts } = input;
  const resources = 'resources' in input ? withIds(input.resources) : [];
  return { ...emptyDraft(kind), ...texts, resources, tags: withIds(tags) };
}

/** The connection that the form asks for. */
export function wantedOf({ kind, tags, resources, ...texts }: Draft): NewConnection {
  const { name, networkId, vpcId, url, securityGroupId } = texts;
  const withTags = tags.length > 0 && { tags: tags.map(({ key, value }) => ({ key, value })) };
  if (kind === 'ENHANCED') {
    const withResources = resources.length > 0 && { resources: resourcesOf(resources) };
    return { kind, input: { name, vpcId, networkId, ...withResources, ...withTags } };
  }
  // The rules check that a service is chosen.
  const service = texts.service as Extract<NewConnection, { kind: 'CLASSIC' }>['input']['service'];
  return { kind, input: { name, service, url, networkId, securityGroupId, ...withTags } };
}

/** Pools and queues as the gateway takes them. */
export function resourcesOf(resources: readonly DraftResource[]) {
  return resources.map(({ kind, name }) => ({ kind, name }));
}
