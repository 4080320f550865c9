// The last questions, asked in a healed world by one device of each user: what the node says of chats, members and cursors must be
// what the entries say; and who watches somebody must have been told that he is online.
import type { ChatInfo, ChatSummary } from '../../client/core/index.ts';
import type { Fault } from './checker.ts';
import type { Device } from './device.ts';
import type { Scene } from './scene.ts';

export class Audit {
  private readonly scene: Scene;
  private readonly faults: Fault[] = [];
  private open = 0;

  constructor(scene: Scene) {
    this.scene = scene;
    for (const user of scene.users) {
      const device = scene.devices.find((one) => one.user === user && one.client !== null);
      if (device !== undefined) this.question(device);
    }
  }

  private question(device: Device): void {
    const { rooms } = this.scene.book;
    this.open++;
    device.ask(
      'all chats',
      (client) => client.chats(),
      (chats) => this.list(device, chats),
    );
    for (const chat of rooms.chats().filter((one) => rooms.isPresent(one, device.user))) {
      this.open++;
      device.ask(
        `info ${chat}`,
        (client) => client.chat(chat).info(),
        (info) => this.info(device, info),
      );
    }
  }

  get isWrong(): boolean {
    return this.faults.length > 0;
  }

  /** What is wrong, or still to be answered; null when all is well. */
  fault(): Fault | null {
    const first = this.faults[0];
    if (first !== undefined) return first;
    return this.open === 0 ? null : { invariant: 'I10', about: `${this.open} questions have no answer`, words: [] };
  }

  private list(device: Device, chats: readonly ChatSummary[]): void {
    this.open--;
    const { book } = this.scene;
    // A chat of which nobody here was shown anything is not known to the book.
    const known = new Set(book.rooms.chats());
    const listed = chats
      .map(({ chat }) => chat)
      .filter((chat) => known.has(chat))
      .sort();
    const present = book.rooms
      .chats()
      .filter((chat) => book.rooms.isPresent(chat, device.user))
      .sort();
    if (listed.join() !== present.join())
      this.blame('list', `${device.user} is in ${present.join(' ')}, and the list says ${listed.join(' ')}`, present);
    for (const { chat, head, delivered, read } of chats)
      this.cursors(`the list of ${device.user}`, chat, device.user, { head, delivered, read });
  }

  private info(device: Device, { chat, head, members }: ChatInfo): void {
    this.open--;
    const { rooms } = this.scene.book;
    const told = members.map(({ user }) => user).sort();
    const present = rooms.present(chat).sort();
    if (told.join() !== present.join())
      this.blame('members', `in ${chat} are ${present.join(' ')}, and ${device.name} is told ${told.join(' ')}`, [
        chat,
      ]);
    for (const { user, delivered, read } of members) this.cursors(device.name, chat, user, { head, delivered, read });
  }

  private cursors(
    where: string,
    chat: string,
    user: string,
    told: { head: number; delivered: number; read: number },
  ): void {
    const { book, devices } = this.scene;
    // What everybody who is here stepped over, the book has not seen.
    let head = book.headOf(chat);
    while (head < told.head && devices.some(({ view }) => view.skipped(chat, head + 1))) head++;
    const here = devices.some((device) => device.user === user && !device.hasLeft);
    const wasRead = book.readTo.get(`${user} ${chat}`) === head;
    const wrong = told.head !== head || (here && (told.delivered !== head || (wasRead && told.read !== head)));
    if (wrong)
      this.blame(
        'I4',
        `${where} says of ${user} in ${chat}: ${JSON.stringify(told)}, and it has had ${head}, read: ${wasRead}`,
        [chat],
      );
  }

  private blame(invariant: string, about: string, words: readonly string[]): void {
    this.faults.push({ invariant, about, words });
  }
}

/** I4: what an application that still runs has read is known by and by, whatever has died since. */
export class ReadsAudit {
  private readonly scene: Scene;
  private readonly asking = new Set<string>();
  /** By device and chat, what the node said last. */
  private readonly told = new Map<string, number>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Asks again about whatever is not there yet; null once all is. */
  fault(): Fault | null {
    let first: Fault | null = null;
    for (const device of this.scene.devices)
      for (const [chat, seq] of device.client === null ? [] : device.reads) {
        const told = this.told.get(`${device.name} ${chat}`) ?? 0;
        if (told >= seq || !this.scene.book.rooms.isPresent(chat, device.user)) continue;
        this.question(device, chat);
        first ??= {
          invariant: 'I4',
          about: `${device.name} has read ${seq} of ${chat}, and the node knows of ${told}`,
          words: [chat],
        };
      }
    return first;
  }

  private question(device: Device, chat: string): void {
    const key = `${device.name} ${chat}`;
    if (this.asking.has(key)) return;
    this.asking.add(key);
    // An answer that does not come is for others to complain about; here the question is asked anew.
    device.ask(
      `info ${chat}`,
      (client) =>
        client
          .chat(chat)
          .info()
          .finally(() => this.asking.delete(key)),
      ({ members }) => void this.told.set(key, members.find(({ user }) => user === device.user)?.read ?? 0),
    );
  }
}

/** I6: whoever watches a user who is here, and hides from nobody, has heard so. */
export function unseen({ devices, book }: Scene): Fault | null {
  for (const device of devices) {
    for (const user of device.client === null ? [] : device.watching) {
      const isHere = devices.some((other) => other.user === user && other.isOnline);
      if (!isHere || book.shy.has(user) || device.watched.get(user) === true) continue;
      return {
        invariant: 'I6',
        about: `${device.name} watches ${user}, and has not heard that ${user} is online`,
        words: [device.name, user],
      };
    }
  }
  return null;
}
