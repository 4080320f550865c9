// A read of the store as a mail can carry it. Used by the reader service and by the writers' loads.
import { type OpenedLog, readEntries } from './fenced-log.ts';
import type { Entry, LogId, PageLimit, Row, Store, StoreFault, Table } from './store.ts';
import { StoreError } from './store.ts';

export type ReadOp =
  /** An owner's first touch of a log; a load only, behind its own earlier writes. */
  | { readonly kind: 'open'; readonly log: LogId; readonly fence: number }
  | {
      readonly kind: 'log';
      readonly log: LogId;
      readonly from: number;
      readonly to: number;
      readonly limit: PageLimit;
      readonly back: boolean;
    }
  | { readonly kind: 'last'; readonly log: LogId; readonly from?: number }
  | {
      readonly kind: 'sent';
      readonly chat: string;
      readonly sender: string;
      readonly device: string;
      readonly id: string;
    }
  | { readonly kind: 'row'; readonly table: Table; readonly partition: string; readonly key: string }
  | {
      readonly kind: 'rows';
      readonly table: Table;
      readonly partition: string;
      readonly after: string;
      readonly limit: number;
    };

/** What each kind of read gives. */
export interface ReadValues {
  open: OpenedLog;
  log: Entry[];
  last: number;
  sent: number | null;
  row: Row | null;
  rows: Row[];
}
export type ReadValue = ReadValues[ReadOp['kind']];

const openedNowhere = (): Promise<OpenedLog> => Promise.reject(new Error('logs are opened by writers'));

export function runRead(
  store: Store,
  op: ReadOp,
  open: (log: LogId, fence: number) => Promise<OpenedLog> = openedNowhere,
): Promise<ReadValue> {
  switch (op.kind) {
    case 'open':
      return open(op.log, op.fence);
    case 'log':
      return readEntries(store, op.log, op.from, op.to, op.limit, op.back);
    case 'last':
      return store.lastOf(op.log, op.from);
    case 'sent':
      return store.findSent(op.chat, op.sender, op.device, op.id);
    case 'row':
      return store.readRow(op.table, op.partition, op.key);
    case 'rows':
      return store.readRows(op.table, op.partition, op.after, op.limit);
  }
}

/** The fault of a rejection; null: not the store's, a broken invariant of ours. */
export function faultOfError(error: unknown): StoreFault | null {
  return error instanceof StoreError ? error.fault : null;
}
