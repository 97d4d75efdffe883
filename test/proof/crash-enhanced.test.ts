import { POOL_A, QUEUE_DEDICATED } from '../helpers/enhanced-gateway.js';
import { BINDING_CRASH_POINTS } from './helpers/crash-points.js';
import { describeCrashes } from './helpers/crashes.js';
import { ENHANCED } from './helpers/enhanced-kind.js';

describeCrashes('a create of an enhanced connection whose gateway is killed', ENHANCED, BINDING_CRASH_POINTS, {
  resources: [POOL_A, QUEUE_DEDICATED],
});
