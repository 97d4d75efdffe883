import { readFileSync, writeFileSync } from 'node:fs';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

// Fails when schema.graphql breaks callers of the released schema, by the rules of graphql-inspector, unless the
// changelog announces each change under a new major version. With --release, schema.graphql becomes the released
// schema, which is a file, not a git tag, because a shallow clone has no tags.

const args = process.argv.slice(2).filter(argument => argument !== '--release');
const [RELEASED, CURRENT, CHANGELOG] = [
  args[0] ?? 'test/contract/released-schema.graphql',
  args[1] ?? 'schema.graphql',
  args[2] ?? 'CHANGELOG.md',
];

if (process.argv.includes('--release')) release();
else await check();

function release() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const schema = readFileSync(CURRENT, 'utf8').replace(/^#.*\n+/, '');
  writeFileSync(RELEASED, `# Written by \`npm run schema:release\`. The schema of version ${version}.\n\n${schema}`);
}

async function check() {
  const released = readFileSync(RELEASED, 'utf8');
  const [, version, major] = /^#.* version ((\d+)\.\d+\.\d+\S*)\.$/m.exec(released) ?? [];
  if (version === undefined) throw new Error(`${RELEASED} does not name its version.`);
  const changes = await diff(buildSchema(released), buildSchema(readFileSync(CURRENT, 'utf8')));
  const announced = announcedAfter(Number(major));
  const unannounced = changes.filter(
    ({ criticality, path }) => criticality.level === CriticalityLevel.Breaking && !announced.includes(`\`${path}\``),
  );
  if (unannounced.length === 0) return;
  const lines = unannounced.map(({ message, path }) => `  ${message} (${path})`);
  process.stderr.write(`${CURRENT} breaks callers of version ${version}:\n${lines.join('\n')}\n`);
  process.stderr.write(`Take it back, or list it in ${CHANGELOG} under a new major version, as \`Type.field\`.\n`);
  process.exitCode = 1;
}

/** The sections of the changelog about later major versions. */
function announcedAfter(major) {
  const sections = readFileSync(CHANGELOG, 'utf8').split(/^(?=## )/m);
  return sections.filter(section => Number(/^## \[?v?(\d+)\.\d+\.\d+/.exec(section)?.[1]) > major).join('\n');
}
