import { readFileSync, writeFileSync } from 'node:fs';

// Writes the JSON schema of the configuration, from the built gateway and the descriptions in docs/configuration.md.
// With --check, fails when the file is not up to date.

const FILE = 'docs/configuration.schema.json';

const { configurationSchema } = await import(new URL('../dist/config/json-schema.js', import.meta.url).href);
const schema = configurationSchema(readFileSync('docs/configuration.md', 'utf8'));
const text = `${JSON.stringify(schema, undefined, 2)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  process.stderr.write(`${FILE} is not up to date: run npm run schema.\n`);
  process.exitCode = 1;
}
