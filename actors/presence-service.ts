// The service between sessions and a presence store: it writes what sessions say in batches, refreshes who is online for as long as the
// session lives, and answers for offline users without waking their sessions. Started by app/ when there is a store.
// Whatever it does not know, sessions are asked as if it were not there; whatever it loses is right again within one renewal.
import type { Letter, Ref, ServiceCtx, ServiceKind } from '../runtime/index.ts';
import type { WatchedMail } from './mail.ts';
import type { PresenceRecord, PresenceStore } from './ports.ts';
import { asValue, type Pair, type PresenceLimits, PresenceState, type Said } from './presence-state.ts';

/** From a session: this is how it stands with my user. The last one counts. */
export interface SayMail extends Said {
  readonly t: 'say';
}
/** From a session: what of these? Answered by `presences`. Off: no longer. */
export interface LookMail {
  readonly t: 'look';
  readonly by: string;
  readonly users: readonly string[];
  readonly on: boolean;
}
export interface PresencesMail {
  readonly t: 'presences';
  /** Anybody may know this of them, and the service tells their sessions of `by` when they come. */
  readonly offline: readonly { readonly user: string; readonly lastSeen: number | null }[];
  /** Their sessions are to be asked. */
  readonly ask: readonly string[];
}
export type PresenceServiceMail = SayMail | LookMail;

export interface PresenceServiceOptions {
  readonly store: PresenceStore;
  /** This node's id, as of now. */
  self(): string;
  /** The session of the user lives on this node. */
  isHere(user: string): boolean;
  readonly limits?: Partial<PresenceLimits>;
}

/** One life of the service; the state outlives it. */
export interface PresenceLife {
  running: Promise<void> | null;
  broken: unknown;
}

const INBOX_MAILS_MAX = 16_384;
const BATCH_MAILS_MAX = 64;
const BATCHES_A_ROUND_MAX = 64;
/** After a failed write. Only then: a store that is known not to answer says so at once. */
const RETRY_MS = 1_000;

export interface PresenceService extends ServiceKind<PresenceLife, PresenceServiceMail> {
  readonly state: PresenceState;
}

export function presenceService(options: PresenceServiceOptions): PresenceService {
  const { store, self, isHere } = options;
  const state = new PresenceState(options.limits);
  const { batchUsersMax, tickMs } = state.limits;

  const askSessions = (ctx: ServiceCtx, pairs: readonly Pair[]): void => {
    for (const [user, by] of pairs) ctx.route('session', user, { t: 'watched', by, on: true } satisfies WatchedMail);
  };

  const readAll = async (users: readonly string[]): Promise<Map<string, PresenceRecord>> => {
    const found = new Map<string, PresenceRecord>();
    for (let at = 0; at < users.length; at += batchUsersMax) {
      const some = users.slice(at, at + batchUsersMax);
      const answers = await store.read(some);
      // Nothing of it: the rest would only wait for as many deadlines.
      if (answers.every((answer) => answer === 'unknown')) break;
      for (const [i, user] of some.entries()) {
        const answer = answers[i];
        if (typeof answer === 'object') found.set(user, answer);
      }
    }
    return found;
  };

  const answer = async (ctx: ServiceCtx, looks: readonly (readonly [to: Ref, mail: LookMail])[]): Promise<void> => {
    const users = new Set(looks.flatMap(([, mail]) => mail.users));
    const found = await readAll([...users].filter((user) => state.known(user) === null));
    for (const [to, { by, users }] of looks) {
      const offline: { user: string; lastSeen: number | null }[] = [];
      const ask: string[] = [];
      for (const user of users) {
        const record = state.known(user) ?? found.get(user);
        if (record?.open && !record.online && state.wait(user, by, ctx.env.now()))
          offline.push({ user, lastSeen: record.lastSeen });
        else ask.push(user);
      }
      ctx.reply(to, { t: 'presences', offline, ask } satisfies PresencesMail);
    }
  };

  const round = async (ctx: ServiceCtx): Promise<boolean> => {
    state.begin(ctx.env.now());
    for (let batches = 0; batches < BATCHES_A_ROUND_MAX; batches++) {
      const batch = state.nextWrites(ctx.env.now(), isHere);
      if (batch.length === 0) break;
      const owner = self();
      if (await store.write(batch.map(({ said }) => asValue(said, owner)))) continue;
      state.failed(batch);
      return false;
    }
    for (let batches = 0; batches < BATCHES_A_ROUND_MAX; batches++) {
      const users = state.nextPoll(ctx.env.now());
      if (users.length === 0) break;
      for (const [user, record] of await readAll(users))
        if (record.online || !record.open) askSessions(ctx, state.met(user));
    }
    return true;
  };

  const run = async (ctx: ServiceCtx, life: PresenceLife): Promise<void> => {
    try {
      while (!ctx.stopping && !state.idle) {
        await ctx.sleep(tickMs);
        if (ctx.stopping) break;
        if (!(await round(ctx))) await ctx.sleep(RETRY_MS);
      }
    } catch (error) {
      ctx.env.log.error({ error: String(error) }, 'the presence service is broken');
      life.broken = error;
    }
    life.running = null;
  };
  const start = (ctx: ServiceCtx, life: PresenceLife): void => {
    if (life.running === null && !state.idle) life.running = run(ctx, life);
  };

  return {
    name: 'presence',
    state,
    inboxMailsMax: INBOX_MAILS_MAX,
    batchMailsMax: BATCH_MAILS_MAX,
    init(ctx) {
      const life: PresenceLife = { running: null, broken: null };
      start(ctx, life);
      return life;
    },
    async receive(ctx, life, batch: readonly Letter<PresenceServiceMail>[]) {
      if (life.broken !== null) throw life.broken;
      const looks: [Ref, LookMail][] = [];
      for (const { from, mail } of batch) {
        if (mail.t === 'say') askSessions(ctx, state.say(mail, ctx.env.now()));
        else if (!mail.on) for (const user of mail.users) state.leave(user, mail.by);
        else if (from !== null) looks.push([from, mail]);
      }
      if (looks.length > 0) await answer(ctx, looks);
      start(ctx, life);
    },
    async onStop(ctx, life) {
      await life.running;
      // What was last said, if the store takes it in one call: nobody waits for more.
      const batch = state.nextWrites(ctx.env.now(), isHere);
      const owner = self();
      if (batch.length > 0) await store.write(batch.map(({ said }) => asValue(said, owner)));
    },
  };
}
