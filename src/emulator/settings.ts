import { z } from 'zod';
import type { EmulatorOptions, EmulatorSettings } from './options.js';

/** The values of `answerStyle`. */
export const ANSWER_STYLES = ['2018', '2019', '2021', '2024'] as const;
/** The values of `notFoundError`. */
export const NOT_FOUND_ERRORS = ['DLI.0001', 'DLI.0002', 'DLI.0023'] as const;

const durationMs = z.number().min(0);

/** A change of settings as the control API takes it. Unknown keys are refused; `tombstoneMs: null` means for ever. */
export const settingsSchema = z
  .strictObject({
    creationMs: durationMs,
    failNames: z.string().refine(isRegExp, 'is not a regular expression'),
    uniqueNames: z.boolean(),
    tokenLifetimeMs: durationMs,
    tombstoneMs: durationMs.nullable().transform(value => value ?? Number.POSITIVE_INFINITY),
    lockAfterFailures: z.int().min(0),
    failureReason: z.string(),
    creationSteps: z.int().min(0),
    answerStyle: z.enum(ANSWER_STYLES),
    notFoundError: z.enum(NOT_FOUND_ERRORS),
    queueInfoKey: z.enum(['uuid', 'peer_id']),
    tagFilter: z.enum(['honoured', 'ignored', 'refused']),
    listLagMs: durationMs,
  })
  .partial();

/** The settings in force, in the form that {@link settingsSchema} reads. */
export function currentSettings(options: EmulatorOptions): Record<keyof EmulatorSettings, unknown> {
  return {
    creationMs: options.creationMs,
    failNames: options.failNames,
    uniqueNames: options.uniqueNames,
    tokenLifetimeMs: options.tokenLifetimeMs,
    tombstoneMs: Number.isFinite(options.tombstoneMs) ? options.tombstoneMs : null,
    lockAfterFailures: options.lockAfterFailures,
    failureReason: options.failureReason,
    creationSteps: options.creationSteps,
    answerStyle: options.answerStyle,
    notFoundError: options.notFoundError,
    queueInfoKey: options.queueInfoKey,
    tagFilter: options.tagFilter,
    listLagMs: options.listLagMs,
  };
}

/** Is this the source of a regular expression? */
export function isRegExp(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}
