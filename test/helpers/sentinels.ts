import type { EmulatorOptions } from '../../src/emulator/emulator.js';

/** Made-up secrets that are unique enough to be found anywhere, in any encoding. */
export const SENTINELS = {
  accessKey: 'SENTINELACCESSKEY001',
  secretKey: 'SentinelSecretKey/+"%&<>0001',
  securityToken: 'SentinelSecurityToken/+=="0001',
  userName: 'sentinel user "ü"',
  password: 'Sentinel pässword / "quoted" + % 0001',
  domainName: 'sentinel account & co',
  redisPassword: 'Sentinel redis pässword / "quoted" + %@: 0001',
  proxyPassword: 'Sentinel proxy pässword / "quoted" + %@: 0001',
  iamToken: 'MIISentinelIamToken/+abcdefgh0001==',
  projectId: 'sentinel-project-00000000000001',
  upstreamText: 'Sentinel upstream text: "/v2.0" <b> %7B 0001',
  callerValue: 'Sentinel caller value / "quoted" 0001',
};

/** Environment of a gateway that signs with the sentinels. */
export const SENTINEL_ACCESS_KEY = {
  HUAWEICLOUD_SDK_AK: SENTINELS.accessKey,
  HUAWEICLOUD_SDK_SK: SENTINELS.secretKey,
  HUAWEICLOUD_SDK_SECURITY_TOKEN: SENTINELS.securityToken,
  HUAWEICLOUD_SDK_PROJECT_ID: SENTINELS.projectId,
};

/** Environment of a gateway that gets tokens with the sentinels. */
export const SENTINEL_USER = {
  HUAWEICLOUD_SDK_AK: undefined,
  HUAWEICLOUD_SDK_SK: undefined,
  IAM_USERNAME: SENTINELS.userName,
  IAM_PASSWORD: SENTINELS.password,
  IAM_DOMAIN_NAME: SENTINELS.domainName,
  HUAWEICLOUD_SDK_PROJECT_ID: SENTINELS.projectId,
};

/** An emulator that accepts the sentinels as credentials. */
export const SENTINEL_EMULATOR: Partial<EmulatorOptions> = {
  projects: [{ id: SENTINELS.projectId, name: 'cn-north-4' }],
  accessKeys: [SENTINELS],
  users: [{ name: SENTINELS.userName, password: SENTINELS.password, domainName: SENTINELS.domainName }],
};

/** The sentinels that a text contains, and in which encoding; `more` are further texts to search for. */
export function findLeaks(text: string, more: Record<string, string> = {}): string[] {
  const unwrapped = text.replace(/\r?\n|\\n/g, '');
  return Object.entries({ ...SENTINELS, ...more }).flatMap(([name, secret]) =>
    Object.entries(formsOf(secret))
      .filter(([, forms]) => forms.some(form => text.includes(form) || unwrapped.includes(form)))
      .map(([form]) => `${name}, ${form}`),
  );
}

function formsOf(secret: string): Record<string, string[]> {
  const hex = Buffer.from(secret).toString('hex');
  const escaped = JSON.stringify(secret).slice(1, -1);
  return {
    raw: [secret],
    'JSON-escaped': [escaped, JSON.stringify(escaped).slice(1, -1)],
    'URL-encoded': [encodeURIComponent(secret), new URLSearchParams({ secret }).toString().slice(7)],
    hex: [hex, hex.toUpperCase()],
    base64: [0, 1, 2].flatMap(offset => base64Within(secret, offset)),
  };
}

// The Base64 digits that do not depend on the text around the secret.
function base64Within(secret: string, offset: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
  const firstKnown = offset === 0 ? 0 : offset + 1;
  return (['base64', 'base64url'] as const).map(encoding => whole.toString(encoding).slice(firstKnown));
}
