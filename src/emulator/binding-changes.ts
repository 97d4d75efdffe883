import { bindingAt, createBinding } from './bindings.js';
import type { EnhancedRecord } from './enhanced-connections.js';
import { dliError } from './errors.js';
import type { EmulatorOptions } from './options.js';
import type { ResourceReference, ResourceStore } from './resources.js';
import type { EmulatedResponse } from './respond.js';

/** A connection after a request to bind or unbind. */
export interface BindingChange {
  readonly record: EnhancedRecord;
  /** The pools and queues that were actually bound or unbound. */
  readonly applied: readonly ResourceReference[];
  /** The error of the first name that was refused; absent if none was. */
  readonly refusal?: EmulatedResponse;
}

type Step = (record: EnhancedRecord, reference: ResourceReference) => StepResult;

/** Without `applied` there was nothing to do. */
type StepResult =
  | { readonly refusal: EmulatedResponse }
  | { readonly record: EnhancedRecord; readonly applied?: ResourceReference; readonly refusal?: never };

/** Decides what binding and unbinding pools and queues does to a connection. It changes no state. */
export class BindingChanges {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly resources: ResourceStore,
  ) {}

  /** Binds names one by one up to the first refused one. */
  bind(record: EnhancedRecord, references: readonly ResourceReference[]): BindingChange {
    return this.#applyAll(record, references, (current, reference) => this.#bindOne(current, reference));
  }

  /** Unbinds names one by one up to the first refused one. */
  unbind(record: EnhancedRecord, references: readonly ResourceReference[]): BindingChange {
    return this.#applyAll(record, references, (current, reference) => this.#unbindOne(current, reference));
  }

  #applyAll(record: EnhancedRecord, references: readonly ResourceReference[], step: Step): BindingChange {
    const applied: ResourceReference[] = [];
    let current = record;
    for (const reference of references) {
      const result = isDefaultQueue(reference) ? refuseDefaultQueue() : step(current, reference);
      if (result.refusal !== undefined)
        return this.options.partialBinding
          ? { record: current, applied, refusal: result.refusal }
          : { record, applied: [], refusal: result.refusal };
      current = result.record;
      if (result.applied !== undefined) applied.push(result.applied);
    }
    return { record: current, applied };
  }

  #bindOne(record: EnhancedRecord, reference: ResourceReference): StepResult {
    const resource = this.resources.find(reference);
    if (resource === undefined) return refuseUnknown(reference);
    const { kind, name, isAvailable } = resource;
    if (record.bindings.some(binding => isSame(binding, resource))) return { record };
    if (!isAvailable) return { refusal: dliError('DLI.0012', `The resource ${name} is not available.`) };
    const bindings = [...record.bindings, createBinding(resource, record, this.options)];
    return { record: { ...record, bindings }, applied: { kind, name } };
  }

  #unbindOne(record: EnhancedRecord, reference: ResourceReference): StepResult {
    // A resource that no longer exists may still be bound.
    const resource = this.resources.find(reference);
    const wanted = resource ?? { kind: reference.kind, name: reference.name.toLowerCase() };
    const bound = record.bindings.find(binding => isSame(binding, wanted));
    if (bound === undefined) return resource === undefined ? refuseUnknown(reference) : { record };
    if (bindingAt(bound, this.options.now()).status === 'FAILED')
      return { refusal: dliError('DLI.0007', `The peering of ${bound.name} has failed, so it cannot be unbound.`) };
    const bindings = record.bindings.filter(binding => binding !== bound);
    return { record: { ...record, bindings }, applied: { kind: bound.kind, name: bound.name } };
  }
}

function isSame(left: ResourceReference, right: ResourceReference): boolean {
  return left.kind === right.kind && left.name === right.name;
}

function isDefaultQueue({ kind, name }: ResourceReference): boolean {
  return kind === 'queue' && name.toLowerCase() === 'default';
}

function refuseDefaultQueue(): StepResult {
  return { refusal: dliError('DLI.0007', 'The default queue does not support datasource connections.') };
}

// The documented text for queues; none is documented for pools.
function refuseUnknown({ name }: ResourceReference): StepResult {
  return { refusal: dliError('DLI.0002', `There is no queue named ${name}`) };
}
