// The writers of a node: a few services, each for its share of the partitions, so that the order within one holds.
// Started by app/ through `start`, which puts them under its supervisor.
import type { Ref, ServiceKind } from '../runtime/index.ts';
import type { IndexOf } from './fenced-log.ts';
import type { Store } from './store.ts';
import { type Writer, type WriterMail, type WriterObserver, writerKind } from './writer.ts';
import type { WriterLimits } from './writer-state.ts';

export interface WritersOptions {
  readonly store: Store;
  /** How many. LMDB has one transaction at a time and joins what waits: 1 is enough for it. Default 1. */
  readonly count?: number;
  readonly limits?: Partial<WriterLimits>;
  readonly indexOf?: IndexOf;
  /** One for each, by its number. */
  readonly observer?: (index: number) => WriterObserver;
  readonly start: (kind: ServiceKind<Writer, WriterMail>, index: number) => Ref;
}

export interface Writers {
  readonly refs: readonly Ref[];
  /** Whom to send the writes and loads of a chat or user; always the same. */
  refFor(partition: string): Ref;
}

export function createWriters(options: WritersOptions): Writers {
  const { store, limits, observer, indexOf, start } = options;
  const count = options.count ?? 1;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`${count} writers are none`);
  const refs: Ref[] = [];
  for (let index = 0; index < count; index++) {
    const kind = writerKind({
      store,
      name: `writer-${index}`,
      ...(limits === undefined ? {} : { limits }),
      ...(indexOf === undefined ? {} : { indexOf }),
      ...(observer === undefined ? {} : { observer: observer(index) }),
    });
    refs.push(start(kind, index));
  }
  return {
    refs,
    refFor(partition) {
      const ref = refs[count === 1 ? 0 : hashOf(partition) % count];
      if (ref === undefined) throw new Error('no writer');
      return ref;
    },
  };
}

/** FNV-1a, 32 bits, over UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
