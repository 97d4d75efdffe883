import { setTimeout as delay } from 'node:timers/promises';
import type { EmulatorOptions } from '../../../src/emulator/emulator.js';
import { DEFAULT_ACCESS_KEY, DEFAULT_DOMAIN_NAME, DEFAULT_USER_NAME } from '../../../src/emulator/emulator.js';
import type { Payload, TestGateway } from '../../helpers/gateway.js';

/** An access key of the emulator. */
export type EmulatorAccessKey = EmulatorOptions['accessKeys'][number];
/** An IAM user of the emulator. */
export type EmulatorUser = EmulatorOptions['users'][number];

/** The environment variables of a key pair. */
export const AK = 'HUAWEICLOUD_SDK_AK';
export const SK = 'HUAWEICLOUD_SDK_SK';
const TOKEN = 'HUAWEICLOUD_SDK_SECURITY_TOKEN';
/** Removes the key pair that test gateways have by default. */
export const NO_KEY = { [AK]: undefined, [SK]: undefined };
/** The pairs before and after a rotation. */
export const FIRST = { accessKey: DEFAULT_ACCESS_KEY, secretKey: 'first-secret-key' };
export const SECOND = { accessKey: 'SECONDACCESSKEY00001', secretKey: 'second-secret-key' };
/** The user whose password is rotated. */
export const USER = { name: DEFAULT_USER_NAME, domainName: DEFAULT_DOMAIN_NAME };
/** The only union member that creates may return. */
export const SUCCESS = 'CreateDatasourceConnectionSuccess';
/** Log messages about new credentials. */
export const REPLACED = 'credentials replaced';
export const REFUSED = 'credentials refused: the last ones stay in use';
export const UNPROVEN = 'new credentials cannot be proven at the moment';
const PAUSE_MS = 100;

/** The contents of the files of a key pair. */
export function filesOf({ accessKey, secretKey, securityToken }: EmulatorAccessKey): Record<string, string> {
  return { [AK]: accessKey, [SK]: secretKey, ...(securityToken !== undefined && { [TOKEN]: securityToken }) };
}

let created = 0;

/** Sends creates in batches of 4 until the log contains a text; returns the payloads and the duration. */
export async function createUntil(gateway: TestGateway, message: string) {
  const startedMs = performance.now();
  const payloads: Payload[] = [];
  while (!gateway.log().includes(message)) {
    payloads.push(...(await createSome(gateway, 4)));
    await delay(PAUSE_MS);
  }
  return { payloads, tookMs: performance.now() - startedMs };
}

/** Sends creates at the same time. */
export function createSome(gateway: TestGateway, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, () => gateway.create({ name: `c${created++}` })));
}

/** The distinct union members that were returned. */
export function typesOf(payloads: Payload[]): string[] {
  return [...new Set(payloads.map(({ __typename }) => __typename))];
}
