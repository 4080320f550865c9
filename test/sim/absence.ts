// A story in which a message is told apart from itself only by the node's index: it is taken, but its sender does not hear so, loses its
// power, and comes back when the chat has changed, gone on for long, and forgotten what it knew by heart. Then it sends it again.
import { OP } from '../../protocol/index.ts';
import type { Device } from './device.ts';
import type { People } from './people.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

/** How long it takes. */
export const ABSENCE_MS = 9_000;
/** More than a chat reads of its log when it wakes. */
const ENTRIES = 80;

export function beAbsent(scene: Scene, people: People, random: Random, device: Device, chat: string): void {
  const { world, tap, book } = scene;
  const later = (from: number, to: number, run: () => void): void =>
    void world.after(world.nature, random.between(from, to), run);
  const others = scene.devices.filter((other) => other.user !== device.user && other.client !== null);
  const writer = others.find(({ user }) => book.rooms.isPresent(chat, user));
  if (writer === undefined || !device.isOnline) return;
  const strike = (connection: { break(kind: 'silent'): void }): void => {
    connection.break('silent');
    device.die('process');
  };
  tap.ambush = { op: OP.SENT, strike };
  device.send(chat, people.body(), null);
  // One of them may be allowed to; a change has the chat take stock of itself.
  later(100, 500, () => {
    for (const one of others)
      if (random.chance(0.5)) one.ask(`rename ${chat}`, (client) => client.chat(chat).rename(`title ${random.id()}`));
      else one.ask(`remove ${device.user} from ${chat}`, (client) => client.chat(chat).remove([device.user]));
  });
  for (let n = 0; n < ENTRIES; n++)
    later(3_000, 4_500, () => writer.client !== null && writer.send(chat, new Uint8Array([n]), null));
  later(5_500, 6_500, () => {
    for (const kernel of scene.host.kernels) {
      const cell = kernel.whereis('chat', chat);
      if (cell !== null) kernel.kill(cell);
    }
    tap.forget(chat);
  });
  later(7_000, ABSENCE_MS, () => device.open());
}
