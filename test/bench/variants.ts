import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConnectionKind } from './create-request.js';

/** The variants that can be measured, in the order in which they are measured and printed. */
export const VARIANTS = ['gateway', 'quiet', 'enhanced', 'usual', 'datasource-rest', 'floor'] as const;

/** The variants that are measured by default. */
export const DEFAULT_VARIANTS = VARIANTS.filter(name => name !== 'enhanced' && name !== 'quiet');

/**
 * One server under measurement; all answer the same GraphQL document at `POST /graphql`. `baseline` is the gateway of
 * another build; `enhanced` is the gateway, which creates enhanced connections; `quiet` is the gateway without metrics and
 * with no log but the audit.
 */
export type VariantName = (typeof VARIANTS)[number] | 'baseline';

/** A variant and how it is started. */
export interface Variant {
  readonly name: VariantName;
  /** Path of its built script. */
  readonly script: string;
  /** Whether it is a gateway, which takes the gateway's settings and can also list connections. */
  readonly isGateway: boolean;
  /** The kind of connections that it is asked to create. */
  readonly kind: ConnectionKind;
}

/** The settings of a variant's process. */
export interface VariantPlaces {
  readonly port: number;
  /** For the admin listener of the gateway; the others have none. */
  readonly adminPort: number;
  /** Origin of the upstream, e.g. `http://127.0.0.1:5000`. */
  readonly upstream: string;
  /** An existing, empty folder for this process only. */
  readonly dataDir: string;
}

/** The DLI project that every variant creates connections in; the upstream ignores it. */
const PROJECT_ID = '48cc2c48765f481480c7db940d6409d1';

/**
 * The variants of these names.
 *
 * @param baselineDir a checkout of the gateway that has been built; needed for `baseline`
 * @throws {Error} if one is not built, so that none is omitted silently.
 */
export function findVariants(names: readonly VariantName[], baselineDir = ''): Variant[] {
  return names.map(name => {
    const script = scriptOf(name, baselineDir);
    if (!existsSync(script)) throw new Error(`${script} does not exist: run "npm run build" there first.`);
    const isGateway = name === 'baseline' || isThisBuild(name);
    return { name, script, isGateway, kind: name === 'enhanced' ? 'ENHANCED' : 'CLASSIC' };
  });
}

// This file is compiled to `build/bench/variants.js`.
function scriptOf(name: VariantName, baselineDir: string): string {
  if (name === 'baseline') return resolve(baselineDir, 'dist/main.js');
  const script = isThisBuild(name) ? '../../dist/main.js' : `./${name}.js`;
  return fileURLToPath(new URL(script, import.meta.url));
}

function isThisBuild(name: VariantName): boolean {
  return name === 'gateway' || name === 'enhanced' || name === 'quiet';
}

/** The environment of a variant's process: that of the gateway in production, apart from caller checks. */
export function variantEnv({ name, isGateway }: Variant, places: VariantPlaces): Record<string, string> {
  const { port, adminPort, upstream, dataDir } = places;
  const shared = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port) };
  if (!isGateway) {
    return { ...shared, CREATE_URL: `${upstream}/v2.0/${PROJECT_ID}/datasource-connection` };
  }
  return {
    ...shared,
    ADMIN_HOST: '127.0.0.1',
    ADMIN_PORT: String(adminPort),
    DLI_REGION: 'cn-north-4',
    DLI_ENDPOINT: upstream,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: upstream,
    HUAWEICLOUD_SDK_AK: 'BENCHMARKACCESSKEY00',
    HUAWEICLOUD_SDK_SK: 'benchmark-secret-key-that-opens-nothing0',
    HUAWEICLOUD_SDK_PROJECT_ID: PROJECT_ID,
    CALLER_AUTH: 'none',
    EXPLORER: 'none',
    DATA_DIR: dataDir,
    // A busy machine must not cause load shedding.
    MAX_EVENT_LOOP_DELAY_MS: '60000',
    ...(name === 'quiet' && { METRICS: 'false', LOG_LEVEL: 'error' }),
  };
}
