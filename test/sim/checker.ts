// What must hold at the end: when the world is settled, and when it is not but should be, why. All from the book and the devices'
// views; `quiet.ts` looks into the node.
import type { LastWord } from './acts.ts';
import type { Book } from './book.ts';
import type { Device } from './device.ts';
import type { Scene } from './scene.ts';

export interface Fault {
  readonly invariant: string;
  readonly about: string;
  readonly words: readonly string[];
}

/** What keeps the world from being settled; null when nothing does. Cheap things first: it is asked again and again. */
export function unsettled(scene: Scene): Fault | null {
  const { book } = scene;
  const devices = scene.devices.filter((device) => !device.hasLeft);
  for (const device of devices) {
    const state = device.client?.state;
    if (state?.is !== 'online')
      return {
        invariant: 'I10',
        about: `${device.name} is not online: ${JSON.stringify(state ?? null)}`,
        words: [device.name],
      };
    const left = device.client?.outbox() ?? [];
    const first = left[0];
    if (first !== undefined)
      return {
        invariant: 'I10',
        about: `${device.name} has had no answer to ${left.length} messages, the first ${first.id} to ${first.chat}`,
        words: [first.chat, device.name],
      };
  }
  for (const device of devices) {
    const fault = device.view.fault();
    if (fault !== null) return { ...fault, words: [fault.chat, device.name] };
  }
  return missing(scene) ?? hole(scene) ?? (book.asked.size > 0 ? asked(scene) : null);
}

function asked(scene: Scene): Fault | null {
  for (const one of scene.book.asked)
    if (one.owner.alive)
      return {
        invariant: 'I10',
        about: `${one.what}: no answer since ${Math.floor(one.at)} ms`,
        words: one.what.split(' '),
      };
  return null;
}

/** I1: an acked message is in the log. */
function missing({ book, devices }: Scene): Fault | null {
  for (const sending of book.sendings.values()) {
    if (sending.status !== 'sent' || !hasReaders(devices, book, sending.chat, sending.seq)) continue;
    const line = book.lines.get(sending.chat)?.get(sending.seq);
    if (line?.id !== sending.id)
      return {
        invariant: 'I1',
        about: `${sending.id} of ${sending.device} was acked as ${sending.seq} of ${sending.chat}, and is not there`,
        words: [sending.chat],
      };
  }
  return null;
}

/** Is anybody here whose it is to see this? */
const hasReaders = (devices: readonly Device[], book: Book, chat: string, n: number): boolean =>
  devices.some((device) => !device.hasLeft && book.rooms.sees(chat, device.user, n) && !device.view.skipped(chat, n));

/** I3: numbers are dense. */
function hole({ book, devices }: Scene): Fault | null {
  for (const chat of book.lines.keys()) {
    const head = book.headOf(chat);
    for (let n = 1; n <= head; n++)
      if (book.lines.get(chat)?.has(n) !== true && hasReaders(devices, book, chat, n))
        return { invariant: 'I3', about: `nobody has seen number ${n} of ${chat}, head ${head}`, words: [chat] };
  }
  return null;
}

/** What must hold of everything that was, once nothing is under way. */
export function finalFaults(scene: Scene): Fault[] {
  return [...order(scene), ...refusedYetThere(scene), ...pages(scene), ...blocked(scene)];
}

/** I3: one device's messages to a chat are in the order in which they were sent. */
function order({ book }: Scene): Fault[] {
  const faults: Fault[] = [];
  const last = new Map<string, { index: number; id: string }>();
  for (const [chat, lines] of book.lines) {
    for (const n of [...lines.keys()].sort((a, b) => a - b)) {
      const sending = book.sendings.get(lines.get(n)?.id ?? '');
      if (sending === undefined) continue;
      const key = `${chat} ${sending.device} ${sending.memory}`;
      const before = last.get(key);
      if (before !== undefined && before.index > sending.index)
        faults.push({
          invariant: 'I3',
          about: `${sending.device} sent ${sending.id} before ${before.id}, but in ${chat} it comes after it, as ${n}`,
          words: [chat],
        });
      last.set(key, sending);
    }
  }
  return faults;
}

/** I10: what was refused for good, or never left, is not there; and why something was refused is a reason. */
function refusedYetThere({ book }: Scene): Fault[] {
  const faults: Fault[] = [];
  const there = new Map<string, string>();
  for (const [chat, lines] of book.lines) for (const line of lines.values()) there.set(line.id, `${line.n} of ${chat}`);
  for (const sending of book.sendings.values()) {
    const where = there.get(sending.id);
    if (where !== undefined && (sending.status === 'failed' || sending.status === 'lost'))
      faults.push({
        invariant: 'I10',
        about: `${sending.id} of ${sending.device} ${sending.status} (${sending.code}), and is number ${where}`,
        words: [sending.chat, sending.id],
      });
    if (sending.status === 'failed' && !['not_member', 'blocked'].includes(sending.code))
      faults.push({
        invariant: 'I10',
        about: `${sending.id} of ${sending.device} failed: ${sending.code}`,
        words: [sending.id],
      });
  }
  return faults;
}

/** Whom one has blocked, and was told so, brings nothing any more. */
function blocked({ book }: Scene): Fault[] {
  const faults: Fault[] = [];
  for (const { by, user, chat, from, until } of book.blocks)
    for (const { user: sender, chat: to, status, at, ackedAt, id } of book.sendings.values())
      if (sender === user && to === chat && status === 'sent' && at > from && ackedAt < until)
        faults.push({ invariant: 'blocked', about: `${id} of ${user} was taken, blocked by ${by}`, words: [chat] });
  return faults;
}

/** A page gives all that is the user's between its ends, and nothing else. */
function pages({ book }: Scene): Fault[] {
  for (const { user, chat, from, to, shown } of book.pages) {
    const expected: number[] = [];
    for (let n = Math.max(1, from); n <= Math.min(to, book.headOf(chat)); n++)
      if (book.rooms.sees(chat, user, n)) expected.push(n);
    if (expected.join() !== shown.join())
      return [
        {
          invariant: expected.every((n) => shown.includes(n)) ? 'I5' : 'I3',
          about: `a page of ${chat} from ${from} to ${to} for ${user} held ${shown.join(' ')}, not ${expected.join(' ')}`,
          words: [chat],
        },
      ];
  }
  return [];
}

/** I4, after the last round: every message that was just sent is known to be read, by all who can. */
export function unread({ book }: Scene, said: readonly LastWord[]): Fault | null {
  for (const { device, chat, id } of said) {
    // Whoever left may have been heard of only after it was said.
    if (book.rooms.present(chat).length < 2) continue;
    const handle = device.handles.get(id);
    if (handle === undefined || handle.status === 'read' || handle.status === 'failed') continue;
    return {
      invariant: 'I4',
      about: `the last message of ${device.name} to ${chat}, ${id}, is ${handle.status}, number ${handle.seq}`,
      words: [chat],
    };
  }
  return null;
}
