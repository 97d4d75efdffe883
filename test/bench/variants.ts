import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What can be measured, in the order in which it is measured and printed. */
export const VARIANT_NAMES = ['gateway', 'baseline', 'floor'] as const;

/** One server under measurement; all three answer the same GraphQL document at `POST /graphql`. */
export type VariantName = (typeof VARIANT_NAMES)[number];

/** The settings of a variant's process. */
export interface VariantPlaces {
  readonly port: number;
  /** For the admin listener of the gateway; the others have none. */
  readonly adminPort: number;
  /** Origin of the upstream, e.g. `http://127.0.0.1:5000`. */
  readonly upstream: string;
  /** An existing empty folder of this process's own. */
  readonly dataDir: string;
}

/** The DLI project that every variant creates connections in; the upstream ignores it. */
const PROJECT_ID = '48cc2c48765f481480c7db940d6409d1';

/** Path of the built script of a variant; compiled, this file is `build/bench/variants.js`. */
export function variantScript(name: VariantName): string {
  const script = name === 'gateway' ? '../../dist/main.js' : `./${name}.js`;
  return fileURLToPath(new URL(script, import.meta.url));
}

/** Throws when a variant is not built, so that it is never omitted silently. */
export function requireBuilt(name: VariantName): void {
  const script = variantScript(name);
  if (existsSync(script)) return;
  throw new Error(`${script} does not exist: run "npm run build" first, or leave "${name}" out of --variants.`);
}

/** The environment of a variant's process: the gateway's as in production, apart from caller checks. */
export function variantEnv(name: VariantName, places: VariantPlaces): Record<string, string> {
  const { port, adminPort, upstream, dataDir } = places;
  const shared = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port) };
  if (name !== 'gateway') {
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
  };
}
