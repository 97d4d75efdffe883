/** Entry point of the hostile process: attacks the target in `TARGET`, in the ways that match `ONLY`, until its parent asks for the counts. */
import { setPriority } from 'node:os';
import type { Target } from './attack.js';
import { startAttacks } from './attack.js';
import { CONNECTION_ATTACKS } from './connection-attacks.js';
import { GRAPHQL_ATTACKS } from './graphql-attacks.js';
import { WEBSOCKET_ATTACKS } from './websocket-attacks.js';

// Real attackers have their own machines; here they must not take CPU time from the gateway.
setPriority(19);
const target = JSON.parse(process.env['TARGET'] ?? '') as Target;
const only = new RegExp(process.env['ONLY'] ?? '');
const attacks = [...GRAPHQL_ATTACKS, ...CONNECTION_ATTACKS, ...WEBSOCKET_ATTACKS].filter(({ name }) => only.test(name));
const counts = startAttacks(attacks, target);
process.once('message', () => process.send?.(counts, () => process.exit()));
