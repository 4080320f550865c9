// A chat of the in-memory server: its log, its members with what they may see, and the rules of who may do what. Pure state.
import {
  CHANGE,
  CHAT_KIND,
  type ErrorCode,
  encodeChange,
  encodeFrame,
  type Frame,
  OP,
  ROLE,
  TYPE,
} from '../../protocol/index.ts';

export type Entry = Frame<'RECEIVE_MESSAGE'>;
export interface TestMember {
  role: number;
  /** What they may see: from … to, the last one open (Infinity) while they are members. */
  readonly spans: { readonly from: number; to: number }[];
  delivered: number;
  read: number;
}
export type Posted =
  | { readonly ok: true; readonly entry: Entry; readonly again: boolean }
  | { readonly ok: false; readonly code: ErrorCode };
type Author = Pick<Entry, 'sender' | 'device' | 'id'>;

const PAGE_BYTES_MAX = 49_152;

export class TestChat {
  readonly id: string;
  readonly kind: number;
  title: string;
  readonly log: Entry[] = [];
  readonly members = new Map<string, TestMember>();
  readonly #ids = new Map<string, Entry>();

  constructor(id: string, kind: number, title: string) {
    this.id = id;
    this.kind = kind;
    this.title = title;
  }

  get head(): number {
    return this.log.length;
  }

  isMember(user: string): boolean {
    return this.members.get(user)?.spans.at(-1)?.to === Number.POSITIVE_INFINITY;
  }

  maySee(user: string, seq: number): boolean {
    return this.members.get(user)?.spans.some(({ from, to }) => from <= seq && seq <= to) ?? false;
  }

  /** The last entry that a user may see. */
  headFor(user: string): number {
    return Math.min(this.head, this.members.get(user)?.spans.at(-1)?.to ?? 0);
  }

  find(author: Author): Entry | undefined {
    return this.#ids.get(keyOf(author));
  }

  append(author: Author, ts: number, type: number, body: Uint8Array, about: number | null): Entry {
    const { sender, device, id } = author;
    const entry: Entry = {
      op: OP.RECEIVE_MESSAGE,
      chat: this.id,
      seq: this.head + 1,
      sender,
      device,
      id,
      ts,
      type,
      body,
      about,
    };
    this.log.push(entry);
    this.#ids.set(keyOf(author), entry);
    return entry;
  }

  post(frame: Frame<'SEND_MESSAGE'>, sender: string, device: string, ts: number): Posted {
    const author = { sender, device, id: frame.id };
    const before = this.find(author);
    if (before !== undefined) return { ok: true, entry: before, again: true }; // also for those who left since
    if (!this.isMember(sender)) return { ok: false, code: 'not_member' };
    if (frame.after !== null && this.find({ ...author, id: frame.after }) === undefined)
      return { ok: false, code: 'out_of_order' };
    return { ok: true, entry: this.append(author, ts, frame.type, frame.body.slice(), frame.about), again: false };
  }

  join(user: string, role: number, from: number): void {
    const member = this.members.get(user);
    const span = { from, to: Number.POSITIVE_INFINITY };
    if (member === undefined) this.members.set(user, { role, spans: [span], delivered: from - 1, read: from - 1 });
    else {
      member.role = role;
      member.spans.push(span);
    }
  }

  /** A change of the group, as an entry of its log. */
  change(frame: Frame<'CHANGE_CHAT'>, sender: string, device: string, ts: number): Posted {
    const author = { sender, device, id: frame.id };
    const before = this.find(author);
    if (before !== undefined) return { ok: true, entry: before, again: true };
    const refused = this.#refusal(frame, sender);
    if (refused !== null) return { ok: false, code: refused };
    const { users, role, title } = frame;
    const write = (type: number, body: Uint8Array): Posted => ({
      ok: true,
      entry: this.append(author, ts, type, body, null),
      again: false,
    });
    switch (frame.change) {
      case CHANGE.add: {
        const fresh = users.filter((user) => !this.isMember(user));
        if (fresh.length === 0) return { ok: false, code: 'already_member' };
        for (const user of fresh) this.join(user, ROLE.member, this.head + 1);
        return write(TYPE.added, encodeChange({ type: TYPE.added, users: fresh }));
      }
      case CHANGE.remove:
        this.#end(users);
        return write(TYPE.removed, encodeChange({ type: TYPE.removed, users }));
      case CHANGE.leave:
        this.#end([sender]);
        return write(TYPE.left, encodeChange({ type: TYPE.left }));
      case CHANGE.role:
        for (const user of users) {
          const member = this.members.get(user);
          if (member !== undefined) member.role = role;
        }
        return write(TYPE.role, encodeChange({ type: TYPE.role, users, role }));
      default:
        this.title = title;
        return write(TYPE.renamed, encodeChange({ type: TYPE.renamed, title }));
    }
  }

  /** They see the entry that says so, and nothing after it. */
  #end(users: readonly string[]): void {
    for (const user of users) {
      const span = this.members.get(user)?.spans.at(-1);
      if (span !== undefined) span.to = Math.min(span.to, this.head + 1);
    }
  }

  #refusal({ change, users }: Frame<'CHANGE_CHAT'>, sender: string): ErrorCode | null {
    if (!this.isMember(sender)) return 'not_member';
    if (this.kind === CHAT_KIND.direct) return 'forbidden';
    if (change === CHANGE.leave) return null;
    const needed = change === CHANGE.role ? ROLE.owner : ROLE.admin;
    if ((this.members.get(sender)?.role ?? ROLE.member) < needed) return 'forbidden';
    if (change === CHANGE.add || change === CHANGE.rename) return null;
    return users.every((user) => this.isMember(user)) ? null : 'not_member';
  }

  history({ ref, from, limit, back }: Frame<'HISTORY'>, user: string): Frame<'HISTORY_PAGE'> {
    const head = this.headFor(user);
    const entries: Uint8Array[] = [];
    const start = back ? Math.min(from === 0 ? head : from, head) : Math.max(1, from);
    let bytes = 0;
    let at = start;
    for (; back ? at >= 1 : at <= head; at += back ? -1 : 1) {
      const entry = this.log[at - 1];
      if (entry === undefined || !this.maySee(user, at)) continue;
      const encoded = encodeFrame(entry);
      if (entries.length === limit || (entries.length > 0 && bytes + encoded.length > PAGE_BYTES_MAX)) break;
      bytes += encoded.length;
      if (back) entries.unshift(encoded);
      else entries.push(encoded);
    }
    const more = back ? at >= 1 : at <= head;
    const range = back ? { from: at + 1, to: start } : { from: start, to: at - 1 };
    return { op: OP.HISTORY_PAGE, ref, chat: this.id, ...range, more, entries };
  }
}

function keyOf({ sender, device, id }: Author): string {
  return `${sender} ${device} ${id}`;
}
