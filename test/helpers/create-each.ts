import { randomUUID } from 'node:crypto';
import type { Fault } from '../../src/emulator/emulator.js';
import type { Payload, TestGateway } from './gateway.js';
import { freshName } from './shared-gateway.js';

/** The result of one of several creates. */
interface EndedCreate<Row> {
  row: Row;
  idempotencyKey: string;
  payload: Payload;
  /** Sends the create again with the same key. */
  repeat(): Promise<Payload>;
  /** How often DLI has received it. */
  posts(): number;
  /** The connections that DLI created from it. */
  applied(): string[];
}

/**
 * Sends one create per row concurrently, each with its own response from DLI. They share the reads of the list, which
 * are most of the cost of a create with an unknown outcome.
 *
 * @param answerOf DLI's response to every request of the row's create
 * @param onEnd called when the create of a row has ended
 */
export async function createEach<Row>(
  { emulator, create }: TestGateway,
  rows: readonly Row[],
  answerOf: (row: Row) => Partial<Fault>,
  onEnd: (row: Row) => void = () => {},
): Promise<EndedCreate<Row>[]> {
  // Proves the credential. Before that, creates are sent one after another.
  await create({ name: freshName() });
  const entriesOf = (name: string) =>
    emulator.ledger.entries('createConnection').filter(({ body }) => JSON.parse(body).name === name);
  const sent = rows.map(row => {
    const name = freshName();
    const idempotencyKey = randomUUID();
    emulator.inject({ operation: 'createConnection', times: 0, ...answerOf(row), name });
    return {
      row,
      idempotencyKey,
      repeat: () => create({ name, idempotencyKey }),
      posts: () => entriesOf(name).length,
      applied: () => entriesOf(name).flatMap(entry => entry.appliedConnectionId ?? []),
    };
  });
  return Promise.all(
    sent.map(async each => {
      const payload = await each.repeat();
      onEnd(each.row);
      return { ...each, payload };
    }),
  );
}
