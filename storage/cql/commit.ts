// Sends the batches of a commit, a bounded number at once, and finds out what came of all of them together.
import type { Client } from 'cassandra-driver';
import { StoreError } from '../store.ts';
import type { Batch } from './batches.ts';
import { outcomeOf, wordsOf } from './faults.ts';
import type { Guard } from './guard.ts';

const BATCH_OPTIONS = { prepare: true, logged: false, isIdempotent: true } as const;

/**
 * Resolves when every batch is acknowledged. After the first that is not, no more are sent; the rest in flight is waited for. Rejects
 * with `failed` only if nothing was sent, with the error itself if a batch can never be taken, else with `unknown`.
 */
export async function sendAll(
  client: Client,
  guard: Guard,
  batches: readonly Batch[],
  batchesMax: number,
): Promise<void> {
  let next = 0;
  let stored = 0;
  const failures: unknown[] = [];
  const sendNext = async (): Promise<void> => {
    for (let batch = batches[next++]; batch !== undefined && failures.length === 0; batch = batches[next++]) {
      const mine = batch;
      try {
        await guard.run(() => send(client, mine));
        stored++;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  if (batches.length === 1) await sendNext();
  else await Promise.all(Array.from({ length: Math.min(batches.length, batchesMax) }, sendNext));
  if (failures.length > 0) throw faultOf(failures, stored);
}

async function send(client: Client, batch: Batch): Promise<void> {
  const [only] = batch;
  if (batch.length === 1 && only !== undefined) await client.execute(only.query, only.params as unknown[]);
  else await client.batch(batch as unknown as Parameters<Client['batch']>[0], BATCH_OPTIONS);
}

function faultOf(failures: readonly unknown[], stored: number): unknown {
  // Tried alone, its item fails for good, and the others of its commit do not.
  const invalid = failures.find((error) => outcomeOf(error) === 'invalid');
  if (invalid !== undefined) return invalid;
  const unknown = failures.find((error) => outcomeOf(error) === 'unknown');
  if (unknown !== undefined) return new StoreError('unknown', `cql: ${wordsOf(unknown)}`);
  return new StoreError(stored > 0 ? 'unknown' : 'failed', `cql: ${wordsOf(failures[0])}`);
}
