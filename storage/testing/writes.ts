// Writes in a line each, and what came of them, for tests of stores and writers.
import type { LogId, StoreFault, Table, Write } from '../store.ts';
import { StoreError } from '../store.ts';

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const entry = (log: LogId, n: number, text = `m${n}`, fence = 1): Write => {
  return { t: 'entry', log, n, fence, bytes: bytesOf(text) };
};
export const sent = (chat: string, sender: string, device: string, id: string, n: number, fence = 1): Write => {
  return { t: 'sent', chat, sender, device, id, n, fence };
};
export const put = (table: Table, partition: string, key: string, stamp: number, text: string): Write => {
  return { t: 'put', table, partition, key, stamp, bytes: bytesOf(text) };
};
export const del = (table: Table, partition: string, key: string, stamp: number): Write => {
  return { t: 'del', table, partition, key, stamp };
};
export const faultOf = async (promise: Promise<unknown>): Promise<StoreFault | 'none'> => {
  try {
    await promise;
    return 'none';
  } catch (error) {
    if (error instanceof StoreError) return error.fault;
    throw error;
  }
};
