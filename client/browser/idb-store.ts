// A store in IndexedDB, one database for a device. Changes of one turn go into one transaction; `flush` waits for all of them.
import {
  applyChange,
  emptyStored,
  type OutboxStore,
  type StoreChange,
  type Stored,
  type StoredMessage,
} from '../core/index.ts';

const TABLES = { messages: 'messages', known: 'known', facts: 'facts' } as const;
/** How messages keep their order: by a counter of the store. */
interface Row {
  readonly at: number;
  readonly message: StoredMessage;
}

export function idbStore(name: string): OutboxStore {
  return new IdbStore(name);
}

class IdbStore implements OutboxStore {
  readonly #name: string;
  #db: IDBDatabase | null = null;
  #count = 0;
  readonly #at = new Map<string, number>();
  #transaction: IDBTransaction | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(name: string) {
    this.#name = name;
  }

  async load(): Promise<Stored> {
    const opening = indexedDB.open(this.#name, 1);
    opening.onupgradeneeded = () => {
      for (const table of Object.values(TABLES)) opening.result.createObjectStore(table);
    };
    this.#db = await result(opening);
    const reading = this.#db.transaction(Object.values(TABLES), 'readonly');
    const stored = emptyStored();
    const [rows, chats, seqs, facts] = await Promise.all([
      result<Row[]>(reading.objectStore(TABLES.messages).getAll()),
      result(reading.objectStore(TABLES.known).getAllKeys()),
      result<number[]>(reading.objectStore(TABLES.known).getAll()),
      result<StoreChange[]>(reading.objectStore(TABLES.facts).getAll()),
    ]);
    for (const fact of facts) applyChange(stored, fact);
    chats.forEach((chat, i) => {
      stored.known.set(String(chat), seqs[i] ?? 0);
    });
    for (const { at, message } of rows.sort((a, b) => a.at - b.at)) {
      stored.messages.set(message.id, message);
      this.#at.set(message.id, at);
      this.#count = Math.max(this.#count, at);
    }
    return stored;
  }

  save(changes: readonly StoreChange[]): void {
    const transaction = this.#open();
    for (const change of changes) this.#write(transaction, change);
  }

  /**
   * The transaction of this turn. Told to commit at its end, it is on its way before anybody can leave the page; by itself the browser
   * would wait for the answer of each write first, and forget it with the page.
   */
  #open(): IDBTransaction {
    if (this.#transaction !== null) return this.#transaction;
    if (this.#db === null) throw new Error('the store is not open');
    const transaction = this.#db.transaction(Object.values(TABLES), 'readwrite', { durability: 'strict' });
    this.#transaction = transaction;
    queueMicrotask(() => {
      this.#transaction = null;
      transaction.commit();
    });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the store refused a change'));
    });
    // Transactions over the same tables complete in order: the last one speaks for all, and any failure stays in the chain once.
    const before = this.#last;
    this.#last = done.then(() => before);
    this.#last.catch(() => undefined); // heard by whoever flushes
    return transaction;
  }

  #write(to: IDBTransaction, change: StoreChange): void {
    switch (change.is) {
      case 'message': {
        const at = ++this.#count;
        this.#at.set(change.message.id, at);
        to.objectStore(TABLES.messages).put({ at, message: change.message } satisfies Row, at);
        return;
      }
      case 'done': {
        const at = this.#at.get(change.id);
        this.#at.delete(change.id);
        if (at !== undefined) to.objectStore(TABLES.messages).delete(at);
        return;
      }
      case 'known':
        to.objectStore(TABLES.known).put(change.seq, change.chat);
        return;
      // Few, and gone soon: among the facts, so that databases of before need no other tables.
      case 'read':
        to.objectStore(TABLES.facts).put(change, `read ${change.chat}`);
        return;
      case 'readStored':
        to.objectStore(TABLES.facts).delete(`read ${change.chat}`);
        return;
      case 'said':
        to.objectStore(TABLES.facts).put(change, `said ${change.chat}`);
        return;
      case 'saidAgain':
        to.objectStore(TABLES.facts).delete(`said ${change.chat}`);
        return;
      default:
        to.objectStore(TABLES.facts).put(change, change.is);
    }
  }

  async flush(): Promise<void> {
    const last = this.#last;
    try {
      await last;
    } finally {
      if (this.#last === last) this.#last = Promise.resolve();
    }
  }

  async close(): Promise<void> {
    await this.flush();
    this.#db?.close();
    this.#db = null;
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
