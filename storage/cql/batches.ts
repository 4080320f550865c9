// Writes become batches, each of one partition: rows of one partition together cost the server a third to a fifth of what they cost
// alone, and no batch has to be kept by a coordinator for several. Pure; the sending is commit.ts's.
import type { Write } from '../store.ts';
import { bucketOf, checkFence, checkNumber, timestampOf } from './keys.ts';
import type { CqlLimits } from './options.ts';
import { ofLog, ofTable, SENT } from './statements.ts';

export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}

/** Never empty. */
export type Batch = readonly Statement[];

interface Filling {
  statements: Statement[];
  bytes: number;
}

/** Of a row beside its bytes: names, numbers, the statement's id. */
const ROW_BYTES = 100;
/** Between the parts of a partition's name: in no statement, and if it is in a name, two partitions of one table share a batch at worst. */
const SEPARATOR = '\u0000';

/** In no order: rows are told apart by key, fence and stamp, never by who came first. Throws RangeError for what is no write. */
export function batchesOf(
  writes: readonly Write[],
  limits: Pick<CqlLimits, 'batchRowsMax' | 'batchBytesMax'>,
): Batch[] {
  const batches: Batch[] = [];
  const filling = new Map<string, Filling>();
  for (const write of writes) {
    const statement = statementOf(write);
    const bytes = ROW_BYTES + (write.t === 'entry' || write.t === 'put' ? write.bytes.length : 0);
    const partition = partitionOf(write);
    let batch = filling.get(partition);
    const fits =
      batch !== undefined &&
      batch.statements.length < limits.batchRowsMax &&
      batch.bytes + bytes <= limits.batchBytesMax;
    if (batch === undefined || !fits) {
      batch = { statements: [], bytes: 0 };
      batches.push(batch.statements);
      filling.set(partition, batch);
    }
    batch.statements.push(statement);
    batch.bytes += bytes;
  }
  return batches;
}

function statementOf(write: Write): Statement {
  switch (write.t) {
    case 'entry':
      checkNumber(write.n);
      checkFence(write.fence);
      return {
        query: ofLog(write.log).insert,
        params: [write.log, bucketOf(write.n), write.n, write.fence, bufferOf(write.bytes)],
      };
    case 'sent':
      checkNumber(write.n);
      checkFence(write.fence);
      return {
        query: SENT.insert,
        params: [write.chat, write.sender, write.device, write.id, write.n, write.fence],
      };
    case 'put':
      return {
        query: ofTable(write.table).put,
        params: [write.partition, write.key, bufferOf(write.bytes), timestampOf(write.stamp)],
      };
    case 'del':
      return { query: ofTable(write.table).del, params: [timestampOf(write.stamp), write.partition, write.key] };
  }
}

function partitionOf(write: Write): string {
  switch (write.t) {
    case 'entry':
      return `e${write.log}${SEPARATOR}${bucketOf(write.n)}`;
    case 'sent':
      return `s${write.chat}${SEPARATOR}${write.sender}${SEPARATOR}${write.device}`;
    default:
      return `${write.table}${SEPARATOR}${write.partition}`;
  }
}

/** The driver takes Buffers; a view, not a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
