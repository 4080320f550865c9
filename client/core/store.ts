// What a device must not forget, and the seam to where it is kept. The client saves as it goes and flushes before it promises:
// before a message is sent, and before a number is acknowledged. `applyChange` is the one meaning of the changes, for all stores.

export interface StoredMessage {
  readonly id: string;
  readonly chat: string;
  readonly type: number;
  readonly body: Uint8Array;
  readonly about: number | null;
  /** When it was made, milliseconds since 1970. */
  readonly at: number;
}

export type StoreChange =
  | { readonly is: 'message'; readonly message: StoredMessage } //            into the outbox
  | { readonly is: 'done'; readonly id: string } //                           out of it: acknowledged, or failed
  | { readonly is: 'known'; readonly chat: string; readonly seq: number } //  the application has everything up to here
  | { readonly is: 'said'; readonly chat: string; readonly seq: number } //   acknowledged once; to be once more
  | { readonly is: 'saidAgain'; readonly chat: string } //                    it was
  | { readonly is: 'read'; readonly chat: string; readonly seq: number } //   the user has read so far; the server is to store it
  | { readonly is: 'readStored'; readonly chat: string } //                   it has
  | { readonly is: 'sync'; readonly sync: string }
  | { readonly is: 'owner'; readonly user: string | null; readonly device: string }
  | { readonly is: 'boot'; readonly boot: number }; //                        starts of this store, so that ids never repeat

export interface Stored {
  boot: number;
  user: string | null;
  device: string | null;
  sync: string | null;
  /** By chat; those that changed last come last. */
  readonly known: Map<string, number>;
  /** What was acknowledged once and is to be once more, by chat. */
  readonly said: Map<string, number>;
  /** What was read and is not known to be stored by the server, by chat. */
  readonly reads: Map<string, number>;
  /** The outbox by message id, oldest first. */
  readonly messages: Map<string, StoredMessage>;
}

/**
 * Where a client keeps its outbox and what it knows. One client at a time. A synchronous implementation is used without a
 * promise in between.
 */
export interface OutboxStore {
  /** Called once, first. */
  load(): Stored | Promise<Stored>;
  /** Takes the changes in order; throws when it cannot. They must survive the death of the process from here on, as far as the platform lets. */
  save(changes: readonly StoreChange[]): void;
  /** Done when all that was saved before survives a power cut too. */
  flush(): void | Promise<void>;
  close(): void | Promise<void>;
}

export function emptyStored(): Stored {
  const maps = { known: new Map(), said: new Map(), reads: new Map(), messages: new Map() };
  return { boot: 0, user: null, device: null, sync: null, ...maps };
}

export function copyOf(stored: Stored): Stored {
  const { known, said, reads, messages } = stored;
  const maps = { known: new Map(known), said: new Map(said), reads: new Map(reads), messages: new Map(messages) };
  return { ...stored, ...maps };
}

export function applyChange(to: Stored, change: StoreChange): void {
  switch (change.is) {
    case 'message':
      to.messages.set(change.message.id, change.message);
      return;
    case 'done':
      to.messages.delete(change.id);
      return;
    case 'known': {
      const before = to.known.get(change.chat) ?? 0;
      to.known.delete(change.chat);
      to.known.set(change.chat, Math.max(before, change.seq));
      return;
    }
    case 'said':
      to.said.set(change.chat, change.seq);
      return;
    case 'saidAgain':
      to.said.delete(change.chat);
      return;
    case 'read':
      to.reads.delete(change.chat);
      to.reads.set(change.chat, change.seq);
      return;
    case 'readStored':
      to.reads.delete(change.chat);
      return;
    case 'sync':
      to.sync = change.sync;
      return;
    case 'owner':
      to.user = change.user;
      to.device = change.device;
      return;
    case 'boot':
      to.boot = change.boot;
  }
}

/** The changes that make a store like this one from nothing. */
export function changesOf(stored: Stored): StoreChange[] {
  const changes: StoreChange[] = [{ is: 'boot', boot: stored.boot }];
  if (stored.device !== null) changes.push({ is: 'owner', user: stored.user, device: stored.device });
  if (stored.sync !== null) changes.push({ is: 'sync', sync: stored.sync });
  for (const [chat, seq] of stored.known) changes.push({ is: 'known', chat, seq });
  for (const [chat, seq] of stored.said) changes.push({ is: 'said', chat, seq });
  for (const [chat, seq] of stored.reads) changes.push({ is: 'read', chat, seq });
  for (const message of stored.messages.values()) changes.push({ is: 'message', message });
  return changes;
}

/** Keeps everything in memory, at once. Given to a second client after the first is gone, it is a disk that survived. */
export function memoryStore(): OutboxStore {
  const kept = emptyStored();
  return {
    load: () => copyOf(kept),
    save(changes) {
      for (const change of changes) applyChange(kept, change);
    },
    flush() {},
    close() {},
  };
}
