// What users do: they write, read, page through history, make groups and change them, block, come and go. Drawn from the seed; the
// choice is made when its time comes, from what is there then.
import { directChatId } from '../../protocol/index.ts';
import { ABSENCE_MS, beAbsent } from './absence.ts';
import type { Device } from './device.ts';
import { People } from './people.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

const WEIGHTS = {
  write: 30,
  burst: 6,
  chorus: 3,
  read: 12,
  typing: 2,
  page: 5,
  pageAll: 2,
  look: 3,
  add: 4,
  remove: 3,
  leave: 1.5,
  role: 2,
  rename: 2,
  group: 2,
  firstWord: 6,
  block: 1.5,
  unblock: 1.5,
  watch: 2,
  privacy: 0.7,
  devices: 0.5,
  removeDevice: 0.5,
  shut: 4,
  away: 2,
  wipe: 1,
  wake: 2,
  absence: 0.15,
} as const;
/** So long after a ring was made, some nodes have not heard of it. */
const HURRY_MS = 300;
export interface LastWord {
  readonly device: Device;
  readonly chat: string;
  readonly id: string;
}
type Act = keyof typeof WEIGHTS;

export class Acts {
  private readonly people: People;
  /** `by user`: pairs for which that was ever asked. */
  private readonly unblocked = new Set<string>();
  private readonly scene: Scene;
  private readonly plan: Plan;
  private readonly random: Random;
  private titles = 0;
  private groups = 0;

  constructor(scene: Scene, plan: Plan, random: Random) {
    this.scene = scene;
    this.plan = plan;
    this.random = random;
    this.people = new People(scene, plan, random);
    const { world, devices, users } = scene;
    for (const device of devices) this.later(random.between(0, 1_500), () => device.open());
    this.later(random.between(300, 3_000), () => this.makeDirect());
    for (let n = 0; n < plan.people.groups; n++) this.later(random.between(300, 3_000), () => this.group());
    for (let n = users.length; n > 0; n--) this.later(random.between(0, plan.chaosMs / 2), () => this.makeDirect());
    for (let n = plan.people.leavers; n > 0; n--)
      this.later(random.between(plan.chaosMs / 2, plan.chaosMs), () => this.leaveForGood());
    for (let n = plan.people.acts; n > 0; n--) {
      const act = random.weighted(WEIGHTS) as Act;
      this.later(random.between(1_000, plan.chaosMs), () => {
        world.note('act', 'plan', act);
        this[act]();
      });
    }
  }

  /** Before the end of the chaos. */
  private later(ms: number, run: () => void): void {
    const { world } = this.scene;
    world.at(world.nature, Math.min(world.now + ms, this.plan.chaosMs), run);
  }

  // Chats.

  makeDirect(): void {
    const device = this.people.someone();
    if (device === null) return this.later(500, () => this.people.chats.length === 0 && this.makeDirect());
    const peer = this.random.pick(this.people.others(device.user));
    const chat = directChatId(device.user, peer);
    device.ask(
      `direct ${peer}`,
      (client) => client.direct(peer),
      () => this.people.known(chat),
    );
    if (this.random.chance(0.3))
      this.later(this.random.between(0, 100), () =>
        this.people.someone(peer)?.ask(
          `direct ${device.user}`,
          (client) => client.direct(device.user),
          () => this.people.known(chat),
        ),
      );
  }

  group(): void {
    const device = this.people.someone();
    if (device === null) return;
    const members = this.random.some(
      this.people.others(device.user),
      this.random.whole(0, this.scene.users.length - 1),
    );
    const id = `group-${++this.groups}`;
    const make = () =>
      device.ask(
        `group ${id}`,
        (client) => client.createGroup({ title: id, members, id }),
        (chat) => this.people.known(chat.id),
      );
    make();
    if (this.random.chance(0.2)) this.later(this.random.between(0, 2_000), make);
  }

  /** A chat is made, and something is said in it at once. */
  firstWord(): void {
    const device = this.people.someone();
    if (device === null) return;
    const others = this.random.some(this.people.others(device.user), this.random.pick([1, 1, 2, 3]));
    const [peer] = others;
    const speak = (chat: string): void => {
      this.people.known(chat);
      this.writeTo(device, chat);
    };
    if (others.length === 1 && peer !== undefined)
      device.ask(
        `direct ${peer}`,
        (client) => client.direct(peer),
        () => speak(directChatId(device.user, peer)),
      );
    else {
      const id = `group-${++this.groups}`;
      const make = { title: id, members: others, id };
      device.ask(
        `group ${id}`,
        (client) => client.createGroup(make),
        (chat) => speak(chat.id),
      );
    }
  }

  write(): void {
    this.people.withChat((device, chat) => this.writeTo(device, chat));
  }

  /** Gives the id of the message. */
  writeTo(device: Device, chat: string): string {
    const head = this.scene.book.headOf(chat);
    const about = head > 0 && this.random.chance(0.1) ? this.random.whole(1, head) : null;
    return device.send(chat, this.people.body(), about);
  }

  burst(): void {
    this.people.withChat((device, chat) => {
      for (let n = this.random.pick([3, 5, 10, 40]); n > 0; n--)
        this.later(
          this.random.pick([0, 30]) * n * this.random.next(),
          () => device.client && this.writeTo(device, chat),
        );
    });
  }

  /** Everybody at once. */
  chorus(): void {
    this.people.withChat((_, chat) => {
      for (const user of this.scene.book.rooms.present(chat)) {
        for (const device of this.scene.devices.filter((d) => d.user === user && d.client !== null)) {
          this.writeTo(device, chat);
          if (this.random.chance(0.3)) this.writeTo(device, chat);
        }
      }
    });
  }

  /** Mail for shards that are about to move. */
  hurry(share: number): void {
    if (this.scene.world.now >= this.plan.chaosMs) return;
    for (const device of this.scene.devices) {
      const chat = device.client === null || !this.random.chance(share) ? null : this.people.chatOf(device);
      if (chat === null) continue;
      this.later(this.random.between(0, HURRY_MS), () => device.client && this.writeTo(device, chat));
    }
  }

  read(): void {
    this.people.withChat((device, chat) => this.readTo(device, chat, this.random.chance(0.2)));
  }

  readTo(device: Device, chat: string, partly: boolean): void {
    const last = device.view.lastOf(chat);
    const seq = partly ? this.random.whole(0, last) : last;
    if (seq === 0) return;
    device.read(chat, seq);
  }

  typing(): void {
    this.people.withChat((device, chat) => device.client?.chat(chat).typing(this.random.chance(0.7)));
  }

  page(): void {
    this.people.withChat((device, chat) => {
      const head = this.scene.book.headOf(chat);
      const from = this.random.whole(0, head + 3);
      const back = this.random.chance(0.5);
      const limit = this.random.pick([1, 3, 10, 100]);
      this.ask(device, chat, { from, back, limit });
    });
  }

  private ask(device: Device, chat: string, where: { from: number; back: boolean; limit: number }, all = false): void {
    const user = device.user;
    device.ask(
      `history ${chat}`,
      (client) => client.chat(chat).history(where),
      ({ entries, from, to, more }) => {
        for (const entry of entries) this.scene.book.saw(entry, device.name);
        this.scene.book.pages.push({ user, chat, from, to, shown: entries.map(({ seq }) => seq) });
        const next = where.back ? from - 1 : to + 1;
        if (all && more && next > 0) this.ask(device, chat, { ...where, from: next }, true);
      },
    );
  }

  pageAll(): void {
    const back = this.random.chance(0.5);
    this.people.withChat((device, chat) =>
      this.ask(device, chat, { from: back ? 0 : 1, back, limit: this.random.pick([2, 7, 50]) }, true),
    );
  }

  look(): void {
    const device = this.people.someone();
    if (this.random.chance(0.5)) device?.ask('chats', (client) => client.chats());
    else this.people.withChat((one, chat) => one.ask(`info ${chat}`, (client) => client.chat(chat).info()));
  }

  // Groups.

  add(): void {
    this.people.withGroup((device, chat) => {
      const users = this.random.some(this.people.others(device.user), this.random.pick([1, 1, 2]));
      device.ask(`add ${users.join()} to ${chat}`, (client) => client.chat(chat).add(users));
    });
  }
  remove(): void {
    this.people.withGroup((device, chat) => {
      const users = [this.random.pick(this.people.others(device.user))];
      device.ask(`remove ${users.join()} from ${chat}`, (client) => client.chat(chat).remove(users));
    });
  }
  leave(): void {
    this.people.withGroup((device, chat) => device.ask(`leave ${chat}`, (client) => client.chat(chat).leave()));
  }
  role(): void {
    this.people.withGroup((device, chat) => {
      const users = [this.random.pick(this.people.others(device.user))];
      const role = this.random.pick(['member', 'admin', 'owner'] as const);
      device.ask(`role of ${users.join()} in ${chat}`, (client) => client.chat(chat).setRole(users, role));
    });
  }
  rename(): void {
    const title = `title ${++this.titles}`;
    this.people.withGroup((device, chat) => device.ask(`rename ${chat}`, (client) => client.chat(chat).rename(title)));
  }

  // Users and devices.

  block(): void {
    const device = this.people.someone();
    if (device === null) return;
    const by = device.user;
    this.scene.book.shy.add(by);
    const user = this.random.pick(this.people.others(by));
    const blocked = (): void => {
      if (this.unblocked.has(`${by} ${user}`)) return;
      const chat = directChatId(by, user);
      this.scene.book.blocks.push({ by, user, chat, from: this.scene.world.now, until: Number.POSITIVE_INFINITY });
    };
    device.ask(`block ${user}`, (client) => client.block(user), blocked);
  }
  unblock(): void {
    const device = this.people.someone();
    if (device === null) return;
    const user = this.random.pick(this.people.others(device.user));
    // From here on nothing is sure about these two: requests are repeated, and may come late.
    this.unblocked.add(`${device.user} ${user}`);
    for (const block of this.scene.book.blocks)
      if (block.by === device.user && block.user === user) block.until = Math.min(block.until, this.scene.world.now);
    device.ask(`unblock ${user}`, (client) => client.unblock(user));
  }
  watch(): void {
    const device = this.people.someone();
    device?.watch(this.random.some(this.people.others(device.user), 3));
  }
  privacy(): void {
    const to = this.random.pick(['everyone', 'contacts', 'nobody'] as const);
    const device = this.people.someone();
    if (device === null) return;
    this.scene.book.shy.add(device.user);
    device.ask(`privacy ${to}`, (client) => client.setPrivacy(to));
  }
  devices(): void {
    this.people.someone()?.ask('devices', (client) => client.devices());
  }
  removeDevice(): void {
    const device = this.people.someone();
    if (device === null) return;
    const mine = this.scene.devices.filter((other) => other.user === device.user);
    const { id } = this.random.pick(mine);
    device.ask(`remove device ${id}`, (client) => client.removeDevice(id));
  }
  shut(): void {
    const device = this.people.someone();
    device?.close(this.random.pick([0, 0, 3_000]));
    this.later(this.random.pick([10, 500, 5_000]) * this.random.next(), () => device?.open());
  }
  /** For long: until the end of the chaos, perhaps. */
  away(): void {
    const device = this.people.someone();
    device?.close(0);
    this.later(this.random.between(5_000, 30_000), () => device?.open());
  }
  wipe(): void {
    const device = this.people.someone();
    device?.die('process');
    device?.wipe();
    this.later(this.random.between(0, 5_000), () => device?.open());
  }
  /** Right after it has said something, often. */
  private leaveForGood(): void {
    const device = this.people.someone();
    const staying = this.scene.devices.filter((other) => !other.hasLeft);
    if (device === null || staying.length < 3) return;
    const chat = this.people.chatOf(device);
    if (chat !== null && this.random.chance(0.7)) this.writeTo(device, chat);
    const how = this.random.pick(['close', 'process', 'power'] as const);
    this.later(this.random.pick([0, 100, 2_000]) * this.random.next(), () => device.leaveForGood(how));
  }
  absence(): void {
    const { scene, plan, random } = this;
    if (plan.chaosMs - scene.world.now < ABSENCE_MS) return;
    this.people.withGroup((device, chat) => beAbsent(scene, this.people, random, device, chat));
  }
  wake(): void {
    this.people.someone()?.client?.wake();
  }

  // The last round, in a healed world.

  /** One device of each member writes to each chat. Gives what all others in it can read. */
  lastWords(): LastWord[] {
    const said: LastWord[] = [];
    for (const chat of this.scene.book.rooms.chats()) {
      const present = this.scene.book.rooms.present(chat);
      // Alone in a room nobody reads what one writes.
      for (const user of present.length > 1 ? present : []) {
        const device = this.people.someone(user);
        const id = device === null ? '' : this.writeTo(device, chat);
        if (device !== null && present.every((other) => this.people.stays(other))) said.push({ device, chat, id });
      }
    }
    return said;
  }

  readAll(): void {
    for (const device of this.scene.devices)
      if (device.client !== null) for (const chat of this.scene.book.rooms.chats()) this.readTo(device, chat, false);
  }
}
