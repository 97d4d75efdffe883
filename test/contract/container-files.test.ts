import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY } from '../../src/emulator/emulator.js';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const withoutComments = (text: string) => text.replace(/^\s*#.*\n/gm, '');

const dockerfile = withoutComments(read('Dockerfile')).replaceAll('\\\n', ' ');
const stages = dockerfile.split(/^(?=FROM )/m);
const compose = withoutComments(read('docker-compose.yml'));

/** The lines of a key in the compose file, up to the next key of the same indentation. */
function below(text: string, key: string): string {
  const [, indent = '', lines = ''] = new RegExp(`^( *)${key}:\\n((?:\\1 +.*\\n|\\n)*)`, 'm').exec(text) ?? [];
  return lines.replaceAll(new RegExp(`^${indent}  `, 'gm'), '');
}

const gateway = below(compose, 'gateway');
const emulator = below(compose, 'emulator');

describe('the image', () => {
  const [final = ''] = stages.slice(-1);

  it('uses Node 24 in every stage', () => {
    const bases = stages.filter(stage => stage.startsWith('FROM ')).map(stage => stage.split(/\s/)[1]);
    expect(bases).toEqual(Array.from(bases, () => 'node:24-bookworm-slim'));
    expect(bases.length).toBeGreaterThan(1);
  });

  it('contains the locked packages without development dependencies', () => {
    const installing = stages.filter(stage => stage.includes('npm ci --omit=dev'));
    const [, name] = /^FROM \S+ AS (\S+)/.exec(installing.join('')) ?? [];
    expect(installing).toHaveLength(1);
    expect(final).toContain(`COPY --from=${name} /app/node_modules ./node_modules`);
    expect(dockerfile).not.toMatch(/npm (install|i)\b/);
  });

  it('contains the build and the health check, but no sources or tests', () => {
    expect([...final.matchAll(/^COPY .*$/gm)].map(([line]) => line)).toEqual([
      'COPY --from=dependencies /app/node_modules ./node_modules',
      'COPY --from=build /app/dist ./dist',
      'COPY package.json scripts/healthcheck.sh ./',
    ]);
  });

  it('runs node directly, not npm, as an unprivileged user', () => {
    expect(final).toMatch(/^USER node$/m);
    expect(final.indexOf('\nUSER ')).toBeLessThan(final.indexOf('\nCMD '));
    expect(final).toMatch(/^CMD \["node", "dist\/main\.js"\]$/m);
  });

  it('listens on all addresses in production, and names its two ports', () => {
    expect(final).toMatch(/^ENV .*\bNODE_ENV=production\b/m);
    expect(final).toMatch(/^ENV .*\bHOST=0\.0\.0\.0(\s|$)/m);
    // A probe comes from another address. Publishing the port is left to the operator.
    expect(final).toMatch(/^ENV .*\bADMIN_HOST=0\.0\.0\.0(\s|$)/m);
    expect([...final.matchAll(/^EXPOSE (.*)$/gm)].map(([, ports]) => ports)).toEqual(['4000 4001']);
  });

  it('serves for another 10 s when it is stopped', () => {
    expect(final).toMatch(/^ENV .*\bSHUTDOWN_DELAY_MS=10000(\s|$)/m);
  });

  it("limits the memory of V8's young generation by an option that Node accepts", () => {
    const [, options = ''] = /^ENV .*\bNODE_OPTIONS=(\S+)/m.exec(final) ?? [];
    expect(options).toBe('--max-semi-space-size=16');
    const env = { ...process.env, NODE_OPTIONS: options };
    const printed = execFileSync(process.execPath, ['--print', '1'], { env, encoding: 'utf8' });
    expect(printed).toBe('1\n');
  });

  it('knows the commit from which it was built', () => {
    expect(final).toMatch(/^ARG BUILD_COMMIT=unknown\nENV BUILD_COMMIT=\$BUILD_COMMIT$/m);
  });

  it('has a health check that starts no runtime and sends nothing upstream', () => {
    expect(final).toMatch(/^HEALTHCHECK .*CMD \["bash", "healthcheck\.sh"\]$/m);
    const script = withoutComments(read('scripts/healthcheck.sh'));
    expect(script).not.toMatch(/\b(node|npm|npx|curl|wget|python)\b/);
    expect(script).toMatch(/^path=.*\/livez/m);
  });

  it('contains no secrets and nothing that the build does not need', () => {
    expect(dockerfile).not.toMatch(/_AK|_SK|PASSWORD|TOKEN|SECRET/i);
    expect(read('.dockerignore').trimEnd().split('\n')).toEqual([
      '*',
      '!package.json',
      '!package-lock.json',
      '!.npmrc',
      '!tsconfig.json',
      '!scripts',
      '!src',
    ]);
  });
});

describe('docker compose', () => {
  it('starts the emulator, and the gateway once the emulator is healthy', () => {
    expect([...below(compose, 'services').matchAll(/^(\S+):$/gm)].map(([, name]) => name)).toEqual([
      'emulator',
      'gateway',
    ]);
    expect(below(gateway, 'depends_on').trimEnd()).toBe('emulator:\n  condition: service_healthy');
    expect(below(emulator, 'healthcheck')).toContain(
      "test: ['CMD', 'bash', 'healthcheck.sh', '4010', '/emulator/health']\n",
    );
    expect(gateway).not.toContain('healthcheck');
  });

  it('lets the gateway reach the emulator on loopback, because http is refused elsewhere', () => {
    expect(gateway).toContain("network_mode: 'service:emulator'\n");
    const environment = below(gateway, 'environment');
    expect(environment).toContain('DLI_ENDPOINT: http://127.0.0.1:4010\n');
    expect(environment).toContain('HUAWEICLOUD_SDK_IAM_ENDPOINT: http://127.0.0.1:4010\n');
    expect(below(emulator, 'environment')).toContain("EMULATOR_PORT: '4010'\n");
  });

  it('publishes ports on this machine only, and never the admin port or the emulator', () => {
    expect([...compose.matchAll(/^ *ports:$/gm)]).toHaveLength(1);
    expect(below(emulator, 'ports')).toBe("- '127.0.0.1:4000:4000'\n");
  });

  it('contains no secret but the published key pair of the emulator', () => {
    const secrets = [...compose.matchAll(/^ *(\w*(?:_AK|_SK|PASSWORD|TOKEN|SECRET)\w*): *(.*)$/gm)];
    expect(secrets.map(([, key, value]) => [key, value])).toEqual([
      ['HUAWEICLOUD_SDK_AK', DEFAULT_ACCESS_KEY],
      ['HUAWEICLOUD_SDK_SK', DEFAULT_SECRET_KEY],
    ]);
    expect(compose).not.toContain('env_file');
  });

  it('gives the gateway more than 36 s for its graceful shutdown', () => {
    const [, seconds] = /^stop_grace_period: (\d+)s$/m.exec(gateway) ?? [];
    expect(Number(seconds)).toBeGreaterThan(36);
  });
});
