/** Where reading and following report. */
export interface ReadingLog {
  info(record: object, message: string): void;
  warn(record: object, message: string): void;
}
