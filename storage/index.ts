// The door of storage/: the seam and what works on any store. Drivers have doors of their own, for app/ and tests only.

export { type FaultPlan, faultPlan, withFaults } from './faults.ts';
export {
  advanced,
  FENCE_STAMPS,
  IN_FLIGHT_MAX,
  type IndexOf,
  type OpenedLog,
  type OwnedRecord,
  recordDue,
  recordWrite,
} from './fenced-log.ts';
export { type ReadOp, type ReadValue, type ReadValues, runRead } from './read-op.ts';
export { type ReaderOptions, type ReadMail, type ReadResultMail, readerKind } from './reader.ts';
export * from './retention.ts';
export { shareStore } from './shared-store.ts';
export * from './store.ts';
export {
  type LoadedMail,
  type LoadMail,
  type WriteMail,
  type WriteResult,
  type Writer,
  type WriterMail,
  type WriterObserver,
  type WriterOptions,
  type WrittenMail,
  writerKind,
} from './writer.ts';
export { type FlushReason, WRITER_LIMITS, type WriterLimits } from './writer-state.ts';
export { createWriters, type Writers, type WritersOptions } from './writers.ts';
