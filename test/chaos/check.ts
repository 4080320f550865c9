// The promise, checked from what devices showed: nothing acked is lost, nothing is doubled, the order is one, without gaps. Test code.
import type { Acked, Person } from './person.ts';

export interface Room {
  readonly chat: string;
  readonly members: readonly string[];
}
export interface Verdict {
  acked: number;
  shown: number;
  lost: number;
  doubled: number;
  reordered: number;
  gaps: number;
  /** Devices that show something else at a number than others do. */
  different: number;
  examples: string[];
}

/** What is still missing on some device; empty when all have everything that was acked. */
export function missing(people: readonly Person[], rooms: readonly Room[]): string[] {
  const missed: string[] = [];
  const byChat = ackedByChat(people);
  for (const room of rooms) {
    const acked = byChat.get(room.chat) ?? [];
    for (const p of people) {
      if (!room.members.includes(p.user)) continue;
      const has = new Set((p.shown.get(room.chat) ?? []).map((s) => `${s.sender} ${s.id}`));
      for (const a of acked)
        if (!has.has(`${a.user} ${a.id}`)) missed.push(`${p.user}/${p.device} lacks ${a.user} ${a.id} of ${room.chat}`);
    }
  }
  return missed;
}

function ackedByChat(people: readonly Person[]): Map<string, Acked[]> {
  const byChat = new Map<string, Acked[]>();
  for (const { acked } of people) {
    for (const a of acked) {
      const list = byChat.get(a.chat);
      if (list === undefined) byChat.set(a.chat, [a]);
      else list.push(a);
    }
  }
  return byChat;
}

/** Devices of a room that lag behind another of it; empty when all are level. */
export function uneven(people: readonly Person[], rooms: readonly Room[]): string[] {
  return rooms.flatMap((room) => {
    const lasts = people
      .filter((p) => room.members.includes(p.user))
      .map((p) => ({ p, last: p.shown.get(room.chat)?.at(-1)?.seq ?? 0 }));
    const head = Math.max(...lasts.map(({ last }) => last));
    return lasts
      .filter(({ last }) => last < head)
      .map(({ p, last }) => `${p.user}/${p.device} shows ${room.chat} up to ${last} of ${head}`);
  });
}

export function check(people: readonly Person[], rooms: readonly Room[]): Verdict {
  const v: Verdict = { acked: 0, shown: 0, lost: 0, doubled: 0, reordered: 0, gaps: 0, different: 0, examples: [] };
  const note = (what: string): void => void (v.examples.length < 10 && v.examples.push(what));
  const lost = missing(people, rooms);
  v.lost = lost.length;
  lost.slice(0, 5).forEach(note);
  const behind = uneven(people, rooms);
  v.different = behind.length;
  behind.slice(0, 5).forEach(note);
  const byChat = ackedByChat(people);
  for (const room of rooms) {
    const at = new Map<number, string>();
    for (const a of byChat.get(room.chat) ?? []) {
      v.acked++;
      at.set(a.seq, `${a.user} ${a.id} ${a.body}`);
    }
    for (const p of people.filter((one) => room.members.includes(one.user))) checkDevice(p, room, at, v, note);
  }
  return v;
}

function checkDevice(p: Person, room: Room, at: Map<number, string>, v: Verdict, note: (what: string) => void): void {
  const ids = new Set<string>();
  let last = 0;
  for (const s of p.shown.get(room.chat) ?? []) {
    v.shown++;
    const where = `${p.user}/${p.device} ${room.chat}:${s.seq}`;
    const id = `${s.sender} ${s.id}`;
    if (ids.has(id)) {
      v.doubled++;
      note(`${where} doubled ${id}`);
    }
    ids.add(id);
    if (s.seq <= last) {
      v.reordered++;
      note(`${where} after ${last}`);
    } else if (s.seq !== last + 1) {
      v.gaps++;
      note(`${where} after ${last}`);
    }
    last = Math.max(last, s.seq);
    const here = at.get(s.seq);
    if (here === undefined) at.set(s.seq, `${id} ${s.body}`);
    else if (here !== `${id} ${s.body}`) {
      v.different++;
      note(`${where} is ${id}, elsewhere ${here.slice(0, 60)}`);
    }
  }
}

/** Each sender's messages of a chat carry their count; a later one never has a lower number. */
export function checkSenderOrder(
  people: readonly Person[],
  rooms: readonly Room[],
  countOf: (body: string) => number,
  v: Verdict,
): void {
  for (const room of rooms) {
    for (const p of people) {
      const highest = new Map<string, number>();
      for (const s of p.shown.get(room.chat) ?? []) {
        if (s.type !== 0) continue;
        const n = countOf(Buffer.from(s.body, 'base64').toString());
        const sender = Buffer.from(s.body, 'base64').toString().split(' ')[0] ?? '';
        if (n <= (highest.get(sender) ?? -1)) {
          v.reordered++;
          if (v.examples.length < 10)
            v.examples.push(`${p.user} shows ${sender} ${n} after ${highest.get(sender)} in ${room.chat}`);
        }
        highest.set(sender, Math.max(n, highest.get(sender) ?? -1));
      }
    }
  }
}
