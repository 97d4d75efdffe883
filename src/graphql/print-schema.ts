import { readFileSync, writeFileSync } from 'node:fs';
import { withErrorTables } from './error-tables.js';
import { printGatewaySchema } from './schema.js';

// The entry point of `npm run schema`.
writeFileSync(new URL('../../schema.graphql', import.meta.url), printGatewaySchema());
const errorsPage = new URL('../../docs/errors.md', import.meta.url);
writeFileSync(errorsPage, withErrorTables(readFileSync(errorsPage, 'utf8')));
