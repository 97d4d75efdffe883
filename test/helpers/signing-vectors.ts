import { readFileSync } from 'node:fs';

/** A request signed by Huawei's own code, with the canonical request and the signature. */
export interface SigningVector {
  id: string;
  input: {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string;
    ak: string;
    sk: string;
  };
  canonical: { canonicalRequest: string; signedHeaders: string };
  expected: { authorization: string };
}

const file = new URL('../fixtures/signing-vectors.json', import.meta.url);

/** Every vector of the fixture. */
export const SIGNING_VECTORS = (JSON.parse(readFileSync(file, 'utf8')) as { vectors: SigningVector[] }).vectors;
