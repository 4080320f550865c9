// What one memory of one device was shown, chat by chat, and what of that it still has: a start of the client goes on from what its
// store says the application has confirmed, and may show again what comes after that.
import type { ChatEntry, Gap } from '../../client/core/index.ts';
import type { Book } from './book.ts';
import type { World } from './world.ts';

interface ChatView {
  /** Ascending. */
  shown: number[];
  /** Message names to numbers. */
  names: Map<string, number>;
  /** Stepped over: told to be skipped, or not to be had. */
  gaps: Gap[];
  /** Where this life of the client began. */
  from: number;
}

export class View {
  readonly user: string;
  readonly name: string;
  readonly chats = new Map<string, ChatView>();
  private readonly world: World;
  private readonly book: Book;

  constructor(world: World, book: Book, user: string, device: string, memory: number) {
    this.world = world;
    this.book = book;
    this.user = user;
    this.name = memory === 1 ? device : `${device}/${memory}`;
  }

  private chat(id: string): ChatView {
    let chat = this.chats.get(id);
    if (chat === undefined) {
      chat = { shown: [], names: new Map(), gaps: [], from: 0 };
      this.chats.set(id, chat);
    }
    return chat;
  }

  /** A life of the client begins with what its store knows. */
  restart(known: ReadonlyMap<string, number>): void {
    for (const [id, n] of known) this.chat(id).from = n;
    for (const [id, chat] of this.chats) {
      chat.from = known.get(id) ?? 0;
      chat.shown = chat.shown.filter((n) => n <= chat.from);
      for (const [name, n] of chat.names) if (n > chat.from) chat.names.delete(name);
    }
  }

  show(entry: ChatEntry): void {
    const { chat: id, seq: n } = entry;
    const chat = this.chat(id);
    const last = Math.max(chat.from, chat.shown.at(-1) ?? 0);
    this.world.note('shows', this.name, id, n, entry.id);
    if (n <= last) this.world.fail('I2', `${this.name} is shown ${n} of ${id} after ${last}`, [id]);
    const name = `${entry.sender}/${entry.device}/${entry.id}`;
    const before = chat.names.get(name);
    if (before !== undefined)
      this.world.fail('I2', `${this.name} is shown ${name} as ${before} and as ${n} of ${id}`, [id]);
    chat.names.set(name, n);
    chat.shown.push(n);
    this.book.saw(entry, this.name);
    this.book.shown(this.user, id, n);
  }

  gap(gap: Gap): void {
    this.world.note('gap', this.name, gap.chat, gap.from, String(gap.to), () => gap.action);
    if (gap.action === 'fetch') return;
    this.chat(gap.chat).gaps.push(gap);
    // What a device steps over it says it has.
    this.book.shown(this.user, gap.chat, gap.to);
  }

  /** It was told to, or wanted to, step over this. */
  skipped(id: string, n: number): boolean {
    return (this.chats.get(id)?.gaps ?? []).some((gap) => gap.from <= n && n <= gap.to);
  }

  lastOf(id: string): number {
    const chat = this.chats.get(id);
    return Math.max(chat?.from ?? 0, chat?.shown.at(-1) ?? 0, ...(chat?.gaps ?? []).map(({ to }) => to));
  }

  /** What is wrong with this view, given all that there is; null when it is as it has to be. */
  fault(): { readonly chat: string; readonly about: string; readonly invariant: string } | null {
    const { rooms } = this.book;
    for (const chat of rooms.chats()) {
      const head = this.book.headOf(chat);
      const view = this.chats.get(chat);
      const shown = new Set(view?.shown ?? []);
      const lacks: number[] = [];
      for (let n = 1; n <= head; n++) {
        const sees = rooms.sees(chat, this.user, n);
        if (sees && !shown.has(n) && !this.skipped(chat, n)) lacks.push(n);
        if (!sees && shown.has(n))
          return {
            chat,
            invariant: 'I5',
            about: `${this.name} was shown ${n} of ${chat}, which is not for ${this.user}`,
          };
      }
      if (lacks.length > 0)
        return {
          chat,
          invariant: 'I1',
          about: `${this.name} lacks ${lacks.slice(0, 20).join(' ')} of ${chat} (head ${head})`,
        };
    }
    return null;
  }
}
