import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';

/** Where folders of tests lie: in memory if there is such a place, because a disk is waited for at every write. */
export const QUICK_FOLDER = existsSync(MEMORY) ? MEMORY : tmpdir();
