import { writeFileSync } from 'node:fs';
import { printGatewaySchema } from './schema.js';

// The entry point of `npm run schema`.
writeFileSync(new URL('../../schema.graphql', import.meta.url), printGatewaySchema());
