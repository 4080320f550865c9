// Who is in a chat, when, and in which role: pure state that membership entries of the log change.
// Knows nothing of delivery, cursors or storage.
import { CHAT_KIND, type Change, LIMITS, ROLE, TYPE } from '../protocol/index.ts';

/** Numbers of the first and last entry a member may see; `to` 0 while it lasts. Ascending, disjoint. */
export interface Span {
  readonly from: number;
  to: number;
}
export interface Member {
  readonly user: string;
  role: number;
  readonly spans: Span[];
  delivered: number;
  read: number;
  settled: number;
}
export class Members {
  kind = CHAT_KIND.direct as number;
  title = '';
  created = false;
  /** Members of now and of before, by user. */
  readonly all = new Map<string, Member>();
  present = 0;

  isPresent(user: string): boolean {
    const spans = this.all.get(user)?.spans;
    return spans !== undefined && spans[spans.length - 1]?.to === 0;
  }

  roleOf(user: string): number {
    return this.all.get(user)?.role ?? ROLE.member;
  }

  clear(): void {
    this.all.clear();
    this.present = 0;
    this.created = false;
    this.kind = CHAT_KIND.direct;
    this.title = '';
  }

  /** Apply entry `n`, sent by `sender`. Twice the same entry changes nothing. */
  apply(n: number, sender: string, change: Change): void {
    switch (change.type) {
      case TYPE.created:
        if (this.created) return;
        this.created = true;
        this.kind = change.kind;
        this.title = change.title;
        for (const [user, role] of change.members) this.enter(user, role, n);
        return;
      case TYPE.added:
        for (const user of change.users) if (!this.isPresent(user)) this.enter(user, ROLE.member, n);
        return;
      case TYPE.removed:
        for (const user of change.users) this.leave(user, n);
        return;
      case TYPE.left:
        this.leave(sender, n);
        return;
      case TYPE.role:
        for (const user of change.users) {
          const member = this.all.get(user);
          if (member) member.role = change.role;
        }
        return;
      case TYPE.renamed:
        this.title = change.title;
    }
  }

  private enter(user: string, role: number, n: number): void {
    const member = this.all.get(user);
    if (member) {
      member.role = role;
      member.spans.push({ from: n, to: 0 });
    } else this.all.set(user, { user, role, spans: [{ from: n, to: 0 }], delivered: 0, read: 0, settled: n - 1 });
    this.present++;
  }

  private leave(user: string, n: number): void {
    const member = this.all.get(user);
    const span = member?.spans[member.spans.length - 1];
    if (!member || !span || span.to !== 0) return;
    span.to = n;
    this.present--;
    // A group is never left without an owner: the longest-standing admin, else member, takes over.
    if (member.role === ROLE.owner && this.kind === CHAT_KIND.group) this.succeed();
    member.role = ROLE.member;
  }

  private succeed(): void {
    let heir: Member | null = null;
    for (const m of this.all.values()) {
      if (!this.isPresent(m.user)) continue;
      if (m.role === ROLE.owner) return;
      if (heir === null || m.role > heir.role) heir = m;
    }
    if (heir) heir.role = ROLE.owner;
  }

  /** May this member see entry `n`? */
  sees(member: Member, n: number): boolean {
    for (const s of member.spans) if (n >= s.from && (s.to === 0 || n <= s.to)) return true;
    return false;
  }

  /** The last entry of (0, head] that concerns this member. */
  lastFor(member: Member, head: number): number {
    const last = member.spans[member.spans.length - 1];
    return last === undefined ? 0 : last.to === 0 ? head : Math.min(last.to, head);
  }

  others(user: string): string[] {
    const users: string[] = [];
    for (const m of this.all.values()) if (m.user !== user && this.isPresent(m.user)) users.push(m.user);
    return users;
  }

  hasRoomFor(users: number): boolean {
    return this.present + users <= LIMITS.membersMax;
  }
}
