import type { Resource } from './connection.js';
import type { OperationContext } from './dli-error.js';

/** A resource as callers name it, and what DLI binds in its place. */
export interface ResolvedResource {
  asked: Resource;
  /** The pool that a queue belongs to; otherwise the resource itself. */
  bound: Resource;
  /** Whether it exists; undefined when DLI does not list its pools and queues, for example in regions without pools. */
  exists: boolean | undefined;
}

/** The pools and queues of the project, read when needed and kept for a short time. */
export interface ResourceDirectory {
  /**
   * Finds out which pools queues belong to. Never fails: without a list, resources are taken as they are. A name that a kept
   * list lacks is looked up in a new one.
   */
  resolve(resources: readonly Resource[], context: OperationContext): Promise<ResolvedResource[]>;
}
