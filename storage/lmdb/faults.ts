// What went wrong in LMDB, in the words of the seam. Used by the LMDB store only.
import { statfsSync } from 'node:fs';
import { StoreError, type StoreFault } from '../store.ts';

const FULL_CODES: ReadonlySet<unknown> = new Set([
  28 /* ENOSPC */, 27 /* EFBIG */, 122 /* EDQUOT */, -30792 /* MDB_MAP_FULL */,
]);
const EIO = 5;
const NEARLY_NONE_BYTES = 16 * 1024 * 1024;

/** The binding rejects with a constant text and hangs the cause's own rejection on `commitError`. */
export async function toStoreError(error: unknown, directory: string): Promise<StoreError> {
  if (error instanceof StoreError) return error;
  let cause: unknown = error;
  if (error instanceof Error && 'commitError' in error) {
    try {
      await error.commitError;
    } catch (inner) {
      cause = inner;
    }
  }
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(faultOf(code, directory), `lmdb: ${message}`);
}

function faultOf(code: unknown, directory: string): StoreFault {
  if (FULL_CODES.has(code)) return 'full';
  // A write that ran out of room half way is reported as EIO.
  if (code === EIO && freeBytes(directory) < NEARLY_NONE_BYTES) return 'full';
  // The transaction is most likely undone, but a failed flush says nothing for sure.
  return 'unknown';
}

function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
