import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';

/** Parent of temporary folders: in memory where available, because tests wait for every write to a disk. */
export const QUICK_FOLDER = existsSync(MEMORY) ? MEMORY : tmpdir();
