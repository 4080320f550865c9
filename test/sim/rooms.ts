// Who was in which room for which entries, worked out from the entries themselves: a second opinion on membership, sharing no code
// with the server. Entries may be learned of in any order; what they mean is worked out when it is asked.
import { CHAT_KIND, type Change, TYPE } from '../../protocol/index.ts';

interface Turn {
  readonly n: number;
  readonly sender: string;
  readonly change: Change;
}
interface Stay {
  readonly from: number;
  /** 0 while it lasts. */
  to: number;
}

export class Rooms {
  private readonly turns = new Map<string, Turn[]>();
  private readonly stays = new Map<string, Map<string, Stay[]>>();

  entry(chat: string, n: number, sender: string, change: Change | null): void {
    if (change === null) return;
    const turns = this.turns.get(chat) ?? [];
    turns.push({ n, sender, change });
    turns.sort((a, b) => a.n - b.n);
    this.turns.set(chat, turns);
    this.stays.delete(chat);
  }

  chats(): string[] {
    return [...this.turns.keys()];
  }

  isDirect(chat: string): boolean {
    const first = this.turns.get(chat)?.[0]?.change;
    return first?.type === TYPE.created && first.kind === CHAT_KIND.direct;
  }

  isPresent(chat: string, user: string): boolean {
    return this.staysOf(chat).get(user)?.at(-1)?.to === 0;
  }

  present(chat: string): string[] {
    return [...this.staysOf(chat).keys()].filter((user) => this.isPresent(chat, user));
  }

  everIn(chat: string): string[] {
    return [...this.staysOf(chat).keys()];
  }

  sees(chat: string, user: string, n: number): boolean {
    return (this.staysOf(chat).get(user) ?? []).some((stay) => n >= stay.from && (stay.to === 0 || n <= stay.to));
  }

  firstOf(chat: string, user: string): number {
    return this.staysOf(chat).get(user)?.[0]?.from ?? Number.POSITIVE_INFINITY;
  }

  private staysOf(chat: string): Map<string, Stay[]> {
    let stays = this.stays.get(chat);
    if (stays === undefined) {
      stays = new Map();
      for (const turn of this.turns.get(chat) ?? []) apply(stays, turn);
      this.stays.set(chat, stays);
    }
    return stays;
  }
}

function apply(stays: Map<string, Stay[]>, { n, sender, change }: Turn): void {
  const last = (user: string): Stay | undefined => stays.get(user)?.at(-1);
  const enter = (user: string): void => {
    if (last(user)?.to !== 0) stays.set(user, [...(stays.get(user) ?? []), { from: n, to: 0 }]);
  };
  const leave = (user: string): void => {
    const stay = last(user);
    if (stay?.to === 0) stay.to = n;
  };
  if (change.type === TYPE.created) for (const [user] of change.members) enter(user);
  else if (change.type === TYPE.added) for (const user of change.users) enter(user);
  else if (change.type === TYPE.removed) for (const user of change.users) leave(user);
  else if (change.type === TYPE.left) leave(sender);
}
