import { CLASSIC } from './helpers/classic-kind.js';
import { CRASH_POINTS } from './helpers/crash-points.js';
import { describeCrashes } from './helpers/crashes.js';

describeCrashes('a create whose gateway is killed', CLASSIC, CRASH_POINTS);
