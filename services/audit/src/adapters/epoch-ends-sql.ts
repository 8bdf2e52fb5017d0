import type { SqlTransaction } from '@sluice/sql';
import type { EpochEnds, Place } from '../domain/call.ts';
import type { Plan } from '../domain/integrate.ts';
import { numberArray, textArray } from './array-literal.ts';

type Epoch = Pick<Place, 'producer' | 'epoch'>;

/** How many ends the log holds of these epochs, as far as it holds any. */
export async function readEnds(transaction: SqlTransaction, epochs: readonly Epoch[]): Promise<EpochEnds[]> {
  return epochs.length === 0 ? [] : transaction.query<EpochEnds>(READ, columnsOf(epochs));
}

/** Adds a batch's ends to epochs that stay open, and forgets those that are closed: their number is in the log now. */
export async function writeEnds(transaction: SqlTransaction, { ends, closed }: Pick<Plan, 'ends' | 'closed'>): Promise<void> {
  if (ends.length > 0) await transaction.query(ADD, [...columnsOf(ends), numberArray(ends.map((one) => one.ends))]);
  if (closed.length > 0) await transaction.query(FORGET, columnsOf(closed));
}

function columnsOf(epochs: readonly Epoch[]): [string, string] {
  return [textArray(epochs.map(({ producer }) => producer)), numberArray(epochs.map(({ epoch }) => epoch))];
}

const READ = {
  name: 'audit_read_ends',
  text: 'SELECT producer, epoch, ends FROM epoch_ends JOIN unnest($1::text[], $2::bigint[]) AS given (producer, epoch) USING (producer, epoch)',
};

const ADD = {
  name: 'audit_add_ends',
  text: `INSERT INTO epoch_ends (producer, epoch, ends) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    ON CONFLICT (producer, epoch) DO UPDATE SET ends = epoch_ends.ends + excluded.ends`,
};

const FORGET = {
  name: 'audit_forget_ends',
  text: 'DELETE FROM epoch_ends USING unnest($1::text[], $2::bigint[]) AS given (producer, epoch) WHERE (epoch_ends.producer, epoch_ends.epoch) = (given.producer, given.epoch)',
};
