// Presence in Redis: `presence:{user}` and `session:{user}`, always with a TTL, in pipelines. Every call ends within its deadline, as
// unknown at worst; a breaker keeps a Redis that does not answer from costing a deadline each time. Started by app/.
import type { ConnectionOptions } from 'node:tls';
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel';
import type { Cluster, Redis } from 'ioredis';
import type { Env } from '../../runtime/index.ts';
import {
  type Answered,
  decodePresence,
  decodeSession,
  encodePresence,
  encodeSession,
  PRESENCE_TIMES,
  type PresenceObserver,
  type PresenceStore,
  type PresenceTimes,
} from '../presence.ts';
import { type RedisAddress, RedisConnection } from './client.ts';

export interface RedisPresenceOptions extends Partial<PresenceTimes> {
  readonly env: Env;
  readonly addresses: readonly RedisAddress[];
  /** The addresses are of a Redis Cluster. Default: when there are several. */
  readonly cluster?: boolean;
  readonly username?: string | null;
  readonly password?: string | null;
  readonly db?: number;
  readonly tls?: ConnectionOptions | null;
  /** Before every key. No braces, which are for the slot. Default `parley:`. */
  readonly prefix?: string;
  readonly name?: string;
  readonly observer?: PresenceObserver;
}

/** Failures in a row after which calls are not tried for `REST_MS`; then one is. */
export const FAILURES_MAX = 3;
export const REST_MS = 2_000;
/** Keys of one pipeline. More are several, one after the other. */
export const PIPELINE_KEYS_MAX = 1_000;

/** One command's outcome; the failed are told apart from the empty. */
type Outcome = { readonly ok: true; readonly text: string | null } | { readonly ok: false };
type Command = (client: Redis | Cluster) => Promise<string | number | null>;
const FAILED: Outcome = { ok: false };

export function createRedisPresence(options: RedisPresenceOptions): PresenceStore {
  const { env, observer } = options;
  const prefix = options.prefix ?? 'parley:';
  if (/[{}]/.test(prefix)) throw new Error('the prefix of Redis keys has no braces');
  const times = { ...PRESENCE_TIMES, ...options };
  const connection = new RedisConnection({
    ...options,
    cluster: options.cluster ?? options.addresses.length > 1,
    connectMs: times.deadlineMs,
  });
  const breaker = circuitBreaker(handleAll, { halfOpenAfter: REST_MS, breaker: new ConsecutiveBreaker(FAILURES_MAX) });
  breaker.onBreak(() => env.log.warn({ part: 'redis' }, 'Redis does not answer: presence is unknown'));
  breaker.onReset(() => env.log.info({ part: 'redis' }, 'Redis answers again'));
  let closed = false;

  const presenceKey = (user: string): string => `${prefix}presence:{${user}}`;
  const sessionKey = (user: string): string => `${prefix}session:{${user}}`;

  /** Rejects when nothing of it succeeded, or not in time: then the connection is given up, with all that waits in it. */
  const pipeline = async (commands: readonly Command[]): Promise<Outcome[]> => {
    let late = false;
    let timer: unknown = null;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = env.setTimer(() => {
        late = true;
        connection.drop();
        reject(new Error('no answer in time'));
      }, times.deadlineMs);
    });
    const work = async (): Promise<Outcome[]> => {
      const client = await connection.open();
      if (late || closed) throw new Error('too late');
      return Promise.all(
        commands.map((command) =>
          command(client).then(
            (text): Outcome => ({ ok: true, text: text === null ? null : String(text) }),
            () => FAILED,
          ),
        ),
      );
    };
    try {
      const outcomes = await Promise.race([work(), deadline]);
      if (outcomes.every((outcome) => !outcome.ok)) {
        connection.drop();
        throw new Error('no command succeeded');
      }
      return outcomes;
    } finally {
      env.clearTimer(timer);
    }
  };

  const batch = async (op: 'read' | 'write', users: number, commands: readonly Command[]): Promise<Outcome[]> => {
    const begin = env.now();
    const tell = (outcome: 'ok' | 'partial' | 'failed' | 'refused'): void =>
      observer?.batch(op, users, env.now() - begin, outcome);
    try {
      const outcomes = await breaker.execute(() => pipeline(commands));
      tell(outcomes.every((outcome) => outcome.ok) ? 'ok' : 'partial');
      return outcomes;
    } catch (error) {
      tell(error instanceof BrokenCircuitError ? 'refused' : 'failed');
      return commands.map(() => FAILED);
    }
  };

  /** All of them within one deadline or two: when a pipeline failed, the rest is not tried. */
  const batches = async (op: 'read' | 'write', each: readonly (readonly Command[])[]): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    let failed = closed;
    for (let at = 0; at < each.length; ) {
      const commands: Command[] = [];
      let users = 0;
      for (; at < each.length && (users === 0 || commands.length < PIPELINE_KEYS_MAX); at++, users++)
        commands.push(...(each[at] ?? []));
      const got = failed ? commands.map(() => FAILED) : await batch(op, users, commands);
      failed ||= got.every((outcome) => !outcome.ok);
      outcomes.push(...got);
    }
    return outcomes;
  };

  const readAll = async <T>(
    keys: readonly string[],
    decode: (text: string | null | undefined) => Answered<T>,
  ): Promise<Answered<T>[]> => {
    const outcomes = await batches(
      'read',
      keys.map((key) => [(client) => client.get(key)]),
    );
    return outcomes.map((outcome) => decode(outcome.ok ? outcome.text : undefined));
  };

  return {
    get up() {
      return !closed && breaker.state !== CircuitState.Open;
    },
    async write(values) {
      const outcomes = await batches(
        'write',
        values.map((value): Command[] => [
          (client) =>
            client.set(
              presenceKey(value.user),
              encodePresence(value),
              'PX',
              value.online ? times.onlineTtlMs : times.lastSeenTtlMs,
            ),
          (client) =>
            value.online
              ? client.set(sessionKey(value.user), encodeSession(value), 'PX', times.onlineTtlMs)
              : client.del(sessionKey(value.user)),
        ]),
      );
      return outcomes.every((outcome) => outcome.ok);
    },
    read: (users) => readAll(users.map(presenceKey), decodePresence),
    readSessions: (users) => readAll(users.map(sessionKey), decodeSession),
    close() {
      closed = true;
      connection.drop();
      return Promise.resolve();
    },
  };
}
