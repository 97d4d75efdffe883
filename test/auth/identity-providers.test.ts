import { beforeAll, describe, expect, it } from '@jest/globals';
import { seed, sendDelete } from '../helpers/deletion.js';
import { readDocument } from '../helpers/documents.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, codeIn, shareTokenGateway } from '../helpers/token-gateway.js';
import { startTokenIssuer } from '../helpers/token-issuer.js';

/** A recipe of docs/authentication.md: the variables, and a token that the provider issued. */
interface Recipe {
  env: Record<string, string>;
  header: { kid: string } & Record<string, unknown>;
  claims: { iat: number } & Record<string, unknown>;
}

const RECIPES = readRecipes();
const FOUND: [provider: string, expected: { tenant: string; subject: string }][] = [
  ['Keycloak', { tenant: 'orders', subject: 'f3b1c0a4-6a3f-4f0f-8f0e-0d3c5a1b2e77' }],
  [
    'Microsoft Entra ID',
    { tenant: 'b5a8c1d2-7f34-4a6b-8c9d-0e1f2a3b4c5d', subject: 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v' },
  ],
  ['Auth0', { tenant: 'org_9ybsU1dN2dKfDkBi', subject: 'auth0|64b7f0d3c1a2e5f6a7b8c9d0' }],
  [
    'Amazon Cognito',
    { tenant: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', subject: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee' },
  ],
  ['Okta', { tenant: '0oa1b2example3c4d5e6', subject: 'alice@example.com' }],
  ['UAA', { tenant: 'orders', subject: 'c8e9b7e8-ab2f-461e-94a0-fa2d76c0d74f' }],
];

function readRecipes(): Map<string, Recipe> {
  const [, text = ''] = /^## Identity providers\n(.*?)^## /ms.exec(readDocument('docs/authentication.md')) ?? [];
  const sections = text.matchAll(/^### (.+?)\n.*?^```\n(.*?)^```\n\n```json\n(.*?)\n(.*?)^```$/gms);
  return new Map(
    [...sections].map(([, provider = '', variables = '', header = '', claims = '']) => [
      provider,
      {
        env: Object.fromEntries([...variables.matchAll(/^(\w+)=(.+)$/gm)].map(([, name, value]) => [name, value])),
        header: JSON.parse(header),
        claims: JSON.parse(claims),
      },
    ]),
  );
}

/** Shares a gateway with the variables of a recipe; `sign` issues its token now, with changed claims. */
function shareWithRecipe(provider: string) {
  const recipe = RECIPES.get(provider);
  if (recipe === undefined) throw new Error(`There is no recipe for ${provider}.`);
  const { env, header, claims } = recipe;
  const { OIDC_ISSUER: documented = '', ...others } = env;
  const path = documented.slice(new URL(documented).origin.length);
  const gateway = shareTokenGateway(others, { startIssuer: clock => startTokenIssuer(clock, { path }) });
  beforeAll(() => gateway().issuer.addKey('second', 'RS256', { published: { kid: header.kid } }));
  const sign = (changes: Record<string, unknown> = {}) => {
    const { issuer, clock } = gateway();
    const laterSeconds = Math.floor(clock.epochMs() / 1_000) - claims.iat;
    const issued = Object.entries(claims).map(([name, value]) => {
      if (value === documented) return [name, issuer.url];
      return [name, typeof value === 'number' && value >= claims.iat ? value + laterSeconds : value];
    });
    return issuer.sign({
      key: 'second',
      header: { typ: undefined, ...header },
      // This issuer adds these by default, but the provider does not.
      claims: { aud: undefined, scope: undefined, ...Object.fromEntries(issued), ...changes },
    });
  };
  return { gateway, sign, env, claims };
}

async function isAccepted(gateway: TokenGateway, token: Promise<string>): Promise<boolean> {
  return (await gateway.ask(await token)).status === 200;
}

it('every recipe has a test', () => {
  expect([...RECIPES.keys()]).toEqual(FOUND.map(([provider]) => provider));
});

describe.each(FOUND)('with the recipe for %s', (provider, expected) => {
  const { gateway: shared, sign, env, claims } = shareWithRecipe(provider);

  it('a token allows what its provider granted, and names tenant and subject', async () => {
    const gateway = shared();
    const token = await sign();
    const id = seed(gateway.emulator);
    const read = await gateway.send({ query: '{ datasourceServices { service } }' }, bearer(token));
    const created = await gateway.createAs(token);
    const deleted = await sendDelete(gateway, id, bearer(token));

    expect([read.body.errors, codeIn(created)]).toEqual([undefined, 'CreateDatasourceConnectionSuccess']);
    expect(deleted.body.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(gateway.audit()).toMatchObject([expected, expected]);
    // No URL in the token is fetched.
    const fetched = gateway.issuer.requests.map(({ url }) => url?.split('/').at(-1));
    expect(['openid-configuration', 'keys']).toEqual(expect.arrayContaining(fetched));
  });

  it('a token of another audience or issuer is refused', async () => {
    const audienceClaim = env['OIDC_AUDIENCE_CLAIM'] ?? 'aud';

    expect(await isAccepted(shared(), sign({ [audienceClaim]: 'another' }))).toBe(false);
    expect(await isAccepted(shared(), sign({ [audienceClaim]: undefined }))).toBe(false);
    expect(await isAccepted(shared(), sign({ iss: claims['iss'] }))).toBe(false);
  });

  it('a token without claims that grant rights allows nothing', async () => {
    const names = ['scope', 'scp', 'roles', 'permissions', 'resource_access'];
    const token = await sign(Object.fromEntries(names.map(name => [name, undefined])));

    expect(codeIn(await shared().createAs(token))).toBe('FORBIDDEN');
  });
});
