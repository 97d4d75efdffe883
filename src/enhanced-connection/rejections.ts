import type { FailureTexts } from '../datasource-connection/to-failure.js';
import { NOT_OFFERED_CODES } from '../dli/dli-error.js';

type Rejections = FailureTexts['rejections'];

const NOT_OFFERED = 'DLI does not offer enhanced connections, or this operation on them, here.';

/** Texts for the codes of an operation that a region does not have. */
export const NOT_OFFERED_REJECTIONS: Rejections = new Map([
  ...NOT_OFFERED_CODES.map(code => [code, NOT_OFFERED] as const),
  ['DLI.0007', 'DLI does not support this.'],
]);

/** Texts for refusals of a bind or unbind. */
export const BINDING_REJECTIONS: Rejections = new Map([
  ...NOT_OFFERED_REJECTIONS,
  ['DLI.0001', 'DLI refused a name. Check the names of the pools and queues.'],
  ['DLI.0002', 'DLI cannot find a pool or queue. Check the names.'],
  [
    'DLI.0007',
    'DLI does not allow this for the pool or queue, for example because it is shared, or its binding has failed.',
  ],
  ['DLI.0009', 'A restriction of DLI forbids this.'],
  ['DLI.0012', 'The pool or queue is not available, for example while it is being scaled or restarted.'],
  ['DLI.0016', "The gateway's identity in Huawei Cloud may not bind or unbind enhanced connections."],
  ['DLI.1028', 'A quota of the VPC is used up, such as that of peerings or routes.'],
]);
