import { SYSTEM_CLOCK } from '../../../src/lib/time.js';
import type { StoreBackend } from '../../../src/operation-store/store-health.js';
import { StoreHealth } from '../../../src/operation-store/store-health.js';
import { onCleanup } from '../../helpers/clean-up.js';

/** A line that a store health has logged. */
export interface HealthLine {
  level: 'info' | 'warn' | 'error';
  outcome: string;
  detail?: string;
  count?: number;
  msg: string;
}

/** A store health that logs into a list. */
export function createStoreHealth(
  lines: HealthLine[] = [],
  { backend = 'redis' as StoreBackend, windowMs = 60_000, clock = SYSTEM_CLOCK } = {},
): StoreHealth {
  const write = (level: HealthLine['level']) => (record: object, msg: string) =>
    void lines.push({ level, ...(record as { outcome: string }), msg });
  const log = { info: write('info'), warn: write('warn'), error: write('error') };
  const health = new StoreHealth(backend, clock, log, windowMs);
  onCleanup(() => health.close());
  return health;
}
