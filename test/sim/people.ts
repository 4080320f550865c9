// Who does something next, to whom and where: choices from what is there at that moment, as far as users can know it.
import { LIMITS } from '../../protocol/index.ts';
import type { Device } from './device.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

export class People {
  /** Chats that somebody made, as the users believe. */
  readonly chats: string[] = [];
  private readonly scene: Scene;
  private readonly plan: Plan;
  private readonly random: Random;
  private bodies = 0;

  constructor(scene: Scene, plan: Plan, random: Random) {
    this.scene = scene;
    this.plan = plan;
    this.random = random;
  }

  /** A device whose client runs, online or not. */
  someone(user?: string): Device | null {
    const open = this.scene.devices.filter((d) => d.client !== null && (user === undefined || d.user === user));
    return open.length === 0 ? null : this.random.pick(open);
  }

  others(user: string): string[] {
    return this.scene.users.filter((other) => other !== user);
  }

  /** Users who have a device that stays. */
  stays(user: string): boolean {
    return this.scene.devices.some((device) => device.user === user && !device.hasLeft);
  }

  known(chat: string): void {
    if (!this.chats.includes(chat)) this.chats.push(chat);
  }

  chatOf(device: Device): string | null {
    const { rooms } = this.scene.book;
    const mine = this.chats.filter((chat) => rooms.isPresent(chat, device.user));
    // Now and then one that is not, or no longer, one's own.
    const from = mine.length === 0 || this.random.chance(0.03) ? this.chats : mine;
    return from.length === 0 ? null : this.random.pick(from);
  }

  groupOf(device: Device): string | null {
    const { rooms } = this.scene.book;
    const groups = this.chats.filter((chat) => chat.startsWith('g.') && rooms.everIn(chat).includes(device.user));
    return groups.length === 0 ? null : this.random.pick(groups);
  }

  withChat(run: (device: Device, chat: string) => void): void {
    const device = this.someone();
    const chat = device && this.chatOf(device);
    if (device && chat) run(device, chat);
  }

  withGroup(run: (device: Device, chat: string) => void): void {
    const device = this.someone();
    const chat = device && this.groupOf(device);
    if (device && chat) run(device, chat);
  }

  /** No two alike. */
  body(): Uint8Array {
    const { random } = this;
    const text = new TextEncoder().encode(`message ${++this.bodies} `);
    let bytes = random.pick([0, 3, 20, 20, 100, 900]);
    if (random.chance(0.1)) bytes = random.pick([1_500, 3_000]);
    if (random.chance(this.plan.people.largeShare)) bytes = random.whole(20_000, LIMITS.bodyBytesMax - 40);
    const body = new Uint8Array(text.length + bytes).fill(random.whole(0, 255));
    body.set(text);
    return body;
  }
}
