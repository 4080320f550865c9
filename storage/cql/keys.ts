// Where an entry lies, and what a stamp is to the server. Numbers only; knows no server.

/** Entries of a bucket, which is a partition: 4,096 of up to 64 KiB each. By number, so that a quiet log has no empty ones. */
const BUCKET_BITS = 12;
const BUCKET = 2 ** BUCKET_BITS;
export const N_MAX = 2 ** 48 - 1;

export const bucketOf = (n: number): number => Math.floor(n / BUCKET);
/** The last number that lies in a bucket. */
export const endOf = (bucket: number): number => (bucket + 1) * BUCKET - 1;

/**
 * A row is written `USING TIMESTAMP` of its stamp less 2^53. Only the order counts, and this keeps it; it lies below every clock, so
 * ScyllaDB, which refuses timestamps of the future, takes each, and whoever forgot a stamp is found at once: its write always wins.
 */
const STAMP_OFFSET = 2 ** 53;
export function timestampOf(stamp: number): number {
  if (!Number.isSafeInteger(stamp)) throw new RangeError(`${stamp} is no stamp`);
  return stamp - STAMP_OFFSET;
}
export const stampOf = (timestamp: number): number => timestamp + STAMP_OFFSET;

export function checkNumber(n: number): void {
  if (!Number.isInteger(n) || n < 0 || n > N_MAX) throw new RangeError(`${n} numbers no entry`);
}

export function checkFence(fence: number): void {
  if (!Number.isSafeInteger(fence) || fence < 0) throw new RangeError(`${fence} is no fence`);
}
