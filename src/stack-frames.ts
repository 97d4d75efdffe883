/**
 * Where an error happened: its stack without the message, which may hold what a caller sent or DLI answered.
 *
 * @param error anything that can be thrown; what has no stack has no frames
 */
export function framesOf(error: unknown): string[] {
  const lines = (error instanceof Error ? error.stack : undefined)?.split('\n') ?? [];
  return lines.filter(line => line.startsWith('    at ')).map(line => line.trim());
}
