// The clients of a cluster run: real ones, spread over the nodes, that talk at a constant rate, go offline and come back, and note how
// long each message waited for its `sent`. Test code; knows nothing of faults.
import { check, checkSenderOrder, missing, type Room, uneven, type Verdict } from './check.ts';
import { type Home, Person, until } from './person.ts';
import { makeRooms } from './rooms.ts';

const TICK_MS = 50;
const SIGN_IN_MS = 60_000;
const AWAY_MS = 6_000;
const BETWEEN_TRIPS_MS = 4_000;
/** A message that waits longer is a sign that something has not settled. */
const OVERDUE_MS = 3_000;
const POLL_MS = 250;
const AT_ONCE = 20;

/** One message: by whom, connected to which node, and when it was told `sent`. */
export interface Ask {
  readonly member: Member;
  readonly node: string | null;
  readonly at: number;
  sentAt: number | null;
  /** Its client went away before it heard; the next one sends it, and nobody waits. */
  dropped: boolean;
}
export interface Member {
  readonly person: Person;
  readonly rooms: Room[];
  readonly home: number;
  /** Second devices, which come and go. */
  readonly roams: boolean;
  away: boolean;
  said: number;
}

export class Crowd {
  readonly members: Member[] = [];
  rooms: Room[] = [];
  asks: Ask[] = [];
  trips = 0;
  private count = 0;
  private running = false;
  private readonly loops: Promise<void>[] = [];

  get people(): Person[] {
    return this.members.map((member) => member.person);
  }

  /** `homeAt`: the place of a client that prefers that node. Every fifth client is a second device, which roams. */
  static async gather(clients: number, nodes: number, homeAt: (index: number) => Home): Promise<Crowd> {
    const crowd = new Crowd();
    const add = (user: number, device: string): void => {
      const home = crowd.members.length % nodes;
      const person = new Person(homeAt(home), `u${user}`, device);
      crowd.members.push({ person, rooms: [], home, roams: device !== 'd0', away: false, said: 0 });
    };
    for (let user = 0; crowd.members.length < clients; user++) {
      add(user, 'd0');
      if (user % 4 === 0 && crowd.members.length < clients) add(user, 'd1');
    }
    try {
      await Promise.all(crowd.people.map((person) => person.online(SIGN_IN_MS)));
      crowd.rooms = await makeRooms(crowd.people);
    } catch (error) {
      await crowd.close();
      throw error;
    }
    for (const member of crowd.members)
      member.rooms.push(...crowd.rooms.filter((room) => room.members.includes(member.person.user)));
    return crowd;
  }

  /** From now on `rate` messages a second, of all together. */
  start(rate: number): void {
    this.running = true;
    this.loops.push(this.talk(rate), this.roam());
  }

  /** No more messages; all come back and get what they lack. */
  async finish(limitMs: number): Promise<Verdict> {
    this.running = false;
    await Promise.all(this.loops);
    const end = Date.now() + limitMs;
    const problems: string[] = [];
    const wait = async (what: string, holds: () => boolean): Promise<void> => {
      await until(what, holds, Math.max(1_000, end - Date.now()), POLL_MS).catch(
        () => void problems.push(`never came: ${what}`),
      );
    };
    await wait('all online', () => this.people.every((p) => p.client.state.is === 'online'));
    await wait('every outbox empty', () => this.people.every((p) => p.client.outbox().length === 0));
    await wait('all devices level', () => uneven(this.people, this.rooms).length === 0);
    await wait('everything everywhere', () => missing(this.people, this.rooms).length === 0);
    problems.push(...this.stragglers().slice(0, 10));
    const verdict = check(this.people, this.rooms);
    checkSenderOrder(this.people, this.rooms, (body) => Number(body.split(' ')[1]), verdict);
    verdict.examples.unshift(...problems);
    return verdict;
  }

  /** Each that is online says something now, so that the wait for the next `sent` is not the wait for the next message. */
  probe(): void {
    for (const member of this.members) this.say(member);
  }

  /** Nobody waits for long, nobody is offline who does not want to be. */
  settled(): boolean {
    return this.unsettled() === null;
  }

  /** What is not as it should be, in words. */
  unsettled(): string | null {
    const offline = this.members.filter(({ person, away }) => !away && person.client.state.is !== 'online');
    if (offline.length > 0) return `${offline.length} clients are offline`;
    const due = performance.now() - OVERDUE_MS;
    const overdue = this.asks.filter((ask) => ask.sentAt === null && !ask.dropped && ask.at < due);
    return overdue.length > 0 ? `${overdue.length} messages wait` : null;
  }

  /** Clients that are not online, or still have something to send, and what they say of it. */
  private stragglers(): string[] {
    return this.people.flatMap(({ user, device, client }) => {
      const waiting = client.outbox().length;
      if (client.state.is === 'online' && waiting === 0) return [];
      return [`${user}/${device}: ${JSON.stringify(client.state)}, ${waiting} in the outbox`];
    });
  }

  /** Those who fled to another node start anew and go home. */
  async goHome(nameAt: (index: number) => string): Promise<void> {
    const guests = this.members.filter(
      ({ person, home, away }) =>
        !away && person.client.state.is === 'online' && person.client.state.node !== nameAt(home),
    );
    for (let i = 0; i < guests.length; i += AT_ONCE) {
      await Promise.all(
        guests.slice(i, i + AT_ONCE).map(async (member) => {
          if (await this.leave(member)) this.comeBack(member);
          await member.person.online(SIGN_IN_MS).catch(() => {});
        }),
      );
    }
  }

  async close(): Promise<void> {
    this.running = false;
    await Promise.all([...this.loops, ...this.people.map((p) => p.client.close())]);
  }

  private async talk(rate: number): Promise<void> {
    let last = performance.now();
    let due = 0;
    for (let turn = 0; this.running; ) {
      const now = performance.now();
      // A pause of our own is not made up for: it would be a burst.
      due = Math.min(rate, due + ((now - last) * rate) / 1_000);
      last = now;
      for (; due >= 1; due--) {
        const member = this.members[turn++ % this.members.length];
        if (member !== undefined) this.say(member);
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  private say(member: Member): void {
    const { person, rooms } = member;
    const room = rooms[member.said % rooms.length];
    if (room === undefined || member.away || person.client.state.is === 'stopped') return;
    const { state } = person.client;
    const node = state.is === 'online' ? state.node : null;
    const ask: Ask = { member, node, at: performance.now(), sentAt: null, dropped: false };
    this.asks.push(ask);
    member.said++;
    void person.send(room.chat, `${person.user}/${person.device} ${this.count++}`).then((sent) => {
      if (sent) ask.sentAt = performance.now();
      else ask.dropped = true;
    });
  }

  private async roam(): Promise<void> {
    const roamers = this.members.filter((member) => member.roams);
    for (let turn = 0; this.running && roamers.length > 0; turn++) {
      const member = roamers[turn % roamers.length];
      await this.sleep(BETWEEN_TRIPS_MS);
      if (member === undefined || !this.running) break;
      if (!(await this.leave(member))) continue;
      this.trips++;
      await this.sleep(AWAY_MS);
      this.comeBack(member);
    }
  }

  /** False: somebody else has sent it away, and will bring it back. */
  private async leave(member: Member): Promise<boolean> {
    if (member.away) return false;
    member.away = true;
    await member.person.goOffline();
    return true;
  }

  private comeBack(member: Member): void {
    member.person.comeBack();
    member.away = false;
  }

  /** Shorter when the run ends. */
  private async sleep(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.running && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
