// A look into the node once nothing is under way: nothing may be left over. Empty mailboxes, nothing held, nothing owed, no chat marked
// dirty, nobody parked, nobody waiting for an answer.
import type { Kernel } from '../../runtime/index.ts';
import type { Fault } from './checker.ts';
import { isMovesOnly } from './fleet-plan.ts';
import type { Scene } from './scene.ts';

/** A question that waits longer than this in a healed world waits in vain. */
export const ANSWER_MS = 12_000;
/** A move takes less, in a world in which nothing else goes wrong; and a node that leaves waits longer for what its connections asked. */
const MOVE_MS = 3_000;

interface ChatState {
  readonly phase: string;
  readonly head: number;
  readonly durable: number;
  readonly pending: number;
  readonly dirty: boolean;
  readonly readings: number;
}
interface SessionState {
  readonly phase: string;
  readonly held: number;
  readonly appends: number;
  readonly devices: readonly { readonly id: string; readonly mode: string; readonly flight: number }[];
}

/** What is left over; null when nothing is. */
export function leftOver(scene: Scene): Fault | null {
  if (scene.host.kernels.length === 0) return { invariant: 'node', about: 'no node runs', words: [] };
  for (const kernel of scene.host.kernels) {
    const fault = leftIn(kernel);
    if (fault !== null) return fault;
  }
  return dirtyFault(scene) ?? strayFault(scene);
}

function leftIn(kernel: Kernel): Fault | null {
  for (const parked of kernel.parked())
    return { invariant: 'parked', about: JSON.stringify(parked), words: [parked.key] };
  for (const cell of kernel.cells()) {
    const waits = kernel.mailboxLength(cell);
    if (waits > 0) return { invariant: 'I9', about: `${cell.kind} ${cell.key} has ${waits} mails`, words: [cell.key] };
    const state = kernel.getState(cell);
    const wrong = cell.kind === 'chat' ? chatFault(state) : cell.kind === 'session' ? sessionFault(state) : null;
    if (wrong !== null)
      return {
        invariant: 'quiet',
        about: `${cell.kind} ${cell.key} ${wrong}: ${JSON.stringify(state)}`,
        words: [cell.key],
      };
  }
  for (const service of kernel.services())
    if (service.inbox > 0) return { invariant: 'I9', about: `${service.key} has ${service.inbox} mails`, words: [] };
  return null;
}

/** Behind every connection is a device; the sockets of the dead are closed after a while. */
function strayFault({ host, devices }: Scene): Fault | null {
  const cells = host.kernels.reduce((sum, kernel) => sum + [...kernel.cells('connection')].length, 0);
  const online = devices.filter((device) => device.isOnline).length;
  if (cells === online) return null;
  return { invariant: 'I9', about: `${online} devices are online, on ${cells} connections`, words: ['connection'] };
}

function chatFault(state: unknown): string | null {
  if (state === null) return null;
  const chat = state as ChatState;
  if (chat.phase !== 'open') return 'is not open';
  if (chat.pending > 0 || chat.head !== chat.durable) return 'has entries under way';
  if (chat.readings > 0) return 'waits for reads';
  return chat.dirty ? 'is dirty' : null;
}

function sessionFault(state: unknown): string | null {
  if (state === null) return null;
  const session = state as SessionState;
  if (session.phase !== 'open') return 'is not open';
  if (session.held > 0 || session.appends > 0) return 'holds entries';
  const late = session.devices.find(
    (device) => device.mode !== 'offline' && (device.mode !== 'live' || device.flight > 0),
  );
  return late === undefined ? null : `has not brought ${late.id} up to date`;
}

function dirtyFault({ host, book }: Scene): Fault | null {
  for (const chat of book.rooms.chats()) {
    if (host.isDirty(chat)) return { invariant: 'dirty', about: `${chat} is marked dirty on the disk`, words: [chat] };
  }
  return null;
}

/**
 * I9: where nodes only come and go, nobody waits for an answer for long, as mail is never lost with the node that had it; and nobody is
 * turned away, as a shard is handed over when what is under way there has its answer.
 */
export function movedAway({ tap }: Scene, faults: ReadonlyMap<string, number>): Fault | null {
  if (!isMovesOnly(faults)) return null;
  if (tap.turnedAway !== null) {
    const { who, key } = tap.turnedAway;
    return { invariant: 'I9', about: `${who} has no answer to ${key}, for a move`, words: [who, key] };
  }
  const { ms, who, key } = tap.longest;
  if (ms < MOVE_MS) return null;
  return { invariant: 'I9', about: `${who} waited ${ms.toFixed(0)} ms for ${key}, for a move`, words: [who, key] };
}

/** I10, at the wire: whoever asked after all was healed has an answer, or waits for not long yet. */
export function silence({ world, tap, book }: Scene): Fault | null {
  for (const [connection, waiting] of tap.waiting) {
    for (const [key, since] of waiting) {
      if (since < book.healedAt || world.now - since < ANSWER_MS) continue;
      return {
        invariant: 'I10',
        about: `${connection.name} asked ${key} at ${since.toFixed(0)} ms, and hears nothing`,
        words: [connection.name, key],
      };
    }
  }
  return null;
}
