import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const documents = z.record(z.string().regex(/^[\x21-\x7e]{1,256}$/), z.string().min(1));

/** The certificates of a PEM file; undefined when it cannot be read, or holds none or a broken one. */
export function readCertificates(path: string): readonly string[] | undefined {
  try {
    const certificates = readFileSync(path, 'utf8').match(CERTIFICATE) ?? [];
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

/** The documents of a manifest, by their ids; undefined when it cannot be read or has another form. */
export function readDocuments(path: string): Readonly<Record<string, string>> | undefined {
  try {
    return documents.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
