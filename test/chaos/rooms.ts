// The chats of a crowd: direct ones around a ring of users, and groups of eight. Made before anything fails. Test code.
import type { Room } from './check.ts';
import type { Person } from './person.ts';

const GROUP_SIZE = 8;

export async function makeRooms(people: readonly Person[]): Promise<Room[]> {
  const firsts = people.filter((p) => p.device === 'd0');
  const rooms: Room[] = [];
  for (const [i, p] of firsts.entries()) {
    const peer = firsts[(i + 1) % firsts.length];
    if (!peer || peer === p) continue;
    const chat = await p.client.direct(peer.user);
    rooms.push({ chat: chat.id, members: [p.user, peer.user] });
  }
  for (let i = 0; i + GROUP_SIZE <= firsts.length; i += GROUP_SIZE) {
    const members = firsts.slice(i, i + GROUP_SIZE).map((p) => p.user);
    const chat = await firsts[i]?.client.createGroup({ title: `group ${i}`, members: members.slice(1) });
    if (chat) rooms.push({ chat: chat.id, members });
  }
  return rooms;
}
