import { Transport } from '../../src/huawei-cloud/transport.js';
import { NO_METRICS } from '../../src/metrics/metrics.js';

/** Creates a transport without a proxy, which the test must close. */
export function directTransport(limits?: ConstructorParameters<typeof Transport>[1]): Transport {
  const egress = { certificates: undefined, proxy: undefined };
  return new Transport({ egress, pool: 'reads', metrics: NO_METRICS }, limits);
}
