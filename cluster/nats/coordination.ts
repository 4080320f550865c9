// The coordination store on JetStream key-value buckets: one for rings, which stay, and one for what may vanish after an hour.
// Reads go to the stream's leader (the message API, never `direct get`), creates expect that the key had no message ever.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { Env, EnvTimer } from '../../runtime/index.ts';
import {
  COORDINATION_DEADLINE_MS,
  COORDINATION_KEY,
  type Coordination,
  type CoordinationEntry,
  CoordinationError,
} from '../coordination.ts';
import { connectNats, type NatsConnectOptions } from './connect.ts';
import { faultOf } from './faults.ts';
import { Watch } from './watch.ts';

export interface NatsCoordinationOptions extends NatsConnectOptions {
  readonly env: Pick<Env, 'now' | 'setTimer' | 'clearTimer' | 'random' | 'id' | 'log'>;
  /** Part of the buckets' names: letters, digits, - and _. */
  readonly cluster: string;
  /** Of the buckets when they are made; 3 on three servers or more. Default 1. */
  readonly replicas?: number;
}

const LIVE_TTL_MS = 60 * 60 * 1_000;
const CLUSTER = /^[A-Za-z0-9_-]{1,64}$/;
/** Of one request; a call may make several, up to its deadline. */
const REQUEST_MS = 1_000;
/** Tells whose a value is: two may create the same bytes. */
const WRITER_HEADER = 'Parley-Writer';

interface Bucket {
  readonly name: string;
  readonly stream: string;
  readonly ttlMs: number;
}

/** Connects, and makes the buckets if they are not there. Rejects when no server answers. */
export async function connectNatsCoordination(options: NatsCoordinationOptions): Promise<Coordination> {
  if (!CLUSTER.test(options.cluster)) throw new Error(`not a name for a cluster: ${options.cluster}`);
  const connection = await connectNats(options);
  const made = new NatsCoordination(
    options,
    connection,
    await jetstreamManager(connection, { checkAPI: false, timeout: REQUEST_MS }),
  );
  try {
    await made.prepare();
  } catch (error) {
    await made.close();
    throw error;
  }
  return made;
}

class NatsCoordination implements Coordination {
  private readonly options: NatsCoordinationOptions;
  private readonly connection: NatsConnection;
  private readonly manager: JetStreamManager;
  private readonly client: JetStreamClient;
  private readonly rings: Bucket;
  private readonly others: Bucket;
  private readonly watches = new Set<Watch>();
  private isConnected = true;
  private isClosed = false;

  constructor(options: NatsCoordinationOptions, connection: NatsConnection, manager: JetStreamManager) {
    this.options = options;
    this.connection = connection;
    this.manager = manager;
    this.client = jetstream(connection, { timeout: REQUEST_MS });
    const bucket = (kind: string, ttlMs: number): Bucket => {
      const name = `parley_${options.cluster}_${kind}`;
      return { name, stream: `KV_${name}`, ttlMs };
    };
    this.rings = bucket('ring', 0);
    this.others = bucket('live', LIVE_TTL_MS);
    this.follow().catch((error: unknown) => {
      // Nobody would hear any more whether there is a connection: calls fail from now on, and the lease ends.
      this.isConnected = false;
      options.env.log.error({ error: String(error) }, 'NATS is not followed any more; taken for disconnected');
    });
  }

  async prepare(): Promise<void> {
    for (const bucket of [this.rings, this.others]) await this.makeBucket(bucket);
  }

  create(key: string, bytes: Uint8Array): Promise<'won' | 'lost'> {
    const writer = this.options.env.id();
    let mayBeOurs = false;
    return this.call(
      key,
      async (bucket) => {
        try {
          await this.publish(bucket, key, bytes, writer, 0);
          return { is: 'won' as const };
        } catch (error) {
          const fault = faultOf(error);
          if (fault === 'lost' && !mayBeOurs) return { is: 'lost' as const };
          if (fault !== 'lost' && fault !== 'unknown') throw error;
          // An answer was lost, now or before: what is there tells whether we won. Nothing there: it may land yet, so once more.
          mayBeOurs = true;
          const found = await this.read(bucket, key);
          if (found === null)
            throw new CoordinationError('unknown', 'no answer, and nothing is there yet', { cause: error });
          return { is: found.writer === writer ? ('won' as const) : ('lost' as const) };
        }
      },
      () => mayBeOurs,
    );
  }

  async get(key: string): Promise<CoordinationEntry | null> {
    const found = await this.call(
      key,
      async (bucket) => ({ is: await this.read(bucket, key) }),
      () => false,
    );
    return found === null ? null : { bytes: found.bytes, revision: found.revision };
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    // Once only: a second one may land after a later put. Who renews does so again anyway.
    await this.call(key, async (bucket) => ({ is: await this.publish(bucket, key, bytes, '', null) }), null);
  }

  keys(prefix: string): Promise<string[]> {
    return this.call(
      `${prefix}x`,
      async (bucket) => {
        const subject = `$KV.${bucket.name}.`;
        // All of a prefix that ends within a token are found among all.
        const filter = prefix.endsWith('.') ? `${subject}${prefix}>` : `${subject}>`;
        const { state } = await this.manager.streams.info(bucket.stream, { subjects_filter: filter });
        const keys = Object.keys(state.subjects ?? {}).map((each) => each.slice(subject.length));
        return { is: keys.filter((key) => key.startsWith(prefix)) };
      },
      () => false,
    );
  }

  watch(prefix: string, onChange: (key: string, bytes: Uint8Array | null) => void): () => void {
    const bucket = this.bucketOf(prefix);
    const watch = new Watch({
      env: this.options.env,
      prefix,
      onChange,
      open: async () => {
        await this.makeBucket(bucket);
        return new Kvm(this.connection).open(bucket.name);
      },
    });
    this.watches.add(watch);
    return () => {
      watch.stop();
      this.watches.delete(watch);
    };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const watch of this.watches) watch.stop();
    await this.connection.close();
  }

  private bucketOf(key: string): Bucket {
    return key.startsWith('ring.') ? this.rings : this.others;
  }

  /** Idempotent; of several that make one at once all succeed. */
  private async makeBucket(bucket: Bucket): Promise<void> {
    const { replicas = 1 } = this.options;
    await new Kvm(this.connection).create(bucket.name, {
      history: 1,
      replicas,
      allow_direct: false,
      timeout: REQUEST_MS,
      ...(bucket.ttlMs === 0 ? {} : { ttl: bucket.ttlMs }),
    });
  }

  private async publish(
    bucket: Bucket,
    key: string,
    bytes: Uint8Array,
    writer: string,
    expected: number | null,
  ): Promise<void> {
    const marks: MsgHdrs = headers();
    if (writer !== '') marks.set(WRITER_HEADER, writer);
    await this.client.publish(`$KV.${bucket.name}.${key}`, bytes, {
      headers: marks,
      ...(expected === null ? { timeout: COORDINATION_DEADLINE_MS } : {}),
      ...(expected === null ? {} : { expect: { lastSubjectSequence: expected } }),
    });
  }

  private async read(bucket: Bucket, key: string): Promise<(CoordinationEntry & { writer: string }) | null> {
    const message = await this.manager.streams.getMessage(bucket.stream, { last_by_subj: `$KV.${bucket.name}.${key}` });
    // An operator may have deleted it: then a mark is left in its place.
    if (message === null || message.header?.get('KV-Operation')) return null;
    return { bytes: message.data, revision: message.seq, writer: message.header?.get(WRITER_HEADER) ?? '' };
  }

  /**
   * Runs until it answers or the deadline is over. A bucket that is not there is made, once: the store was restarted empty.
   * `mayHaveHappened`: whether a call that fails now may have been applied. Null: tried once only, and any lost answer may.
   */
  private async call<T>(
    key: string,
    run: (bucket: Bucket) => Promise<{ is: T }>,
    mayHaveHappened: (() => boolean) | null,
  ): Promise<T> {
    if (!COORDINATION_KEY.test(key)) throw new Error(`not a key: ${key}`);
    const { env } = this.options;
    let isOver = false;
    /** Why the last try failed: what is refused all the time would end as a call that was too slow. */
    let failure: unknown;
    const failed = (error: unknown): void => {
      failure = error;
    };
    let timer: EnvTimer = null;
    const deadline = new Promise<never>((_, reject) => {
      timer = env.setTimer(() => {
        isOver = true;
        const isUnknown = mayHaveHappened === null || mayHaveHappened();
        const why = failure === undefined ? undefined : { cause: failure };
        reject(new CoordinationError(isUnknown ? 'unknown' : 'unavailable', 'no answer in time', why));
      }, COORDINATION_DEADLINE_MS);
    });
    try {
      return await Promise.race([
        this.attempts(this.bucketOf(key), run, mayHaveHappened, () => isOver, failed),
        deadline,
      ]);
    } finally {
      env.clearTimer(timer);
    }
  }

  private async attempts<T>(
    bucket: Bucket,
    run: (bucket: Bucket) => Promise<{ is: T }>,
    mayHaveHappened: (() => boolean) | null,
    isOver: () => boolean,
    failed: (error: unknown) => void,
  ): Promise<T> {
    const { env } = this.options;
    for (let isMade = false; ; ) {
      if (this.isClosed) throw new CoordinationError('closed', 'the connection is closed');
      const code = mayHaveHappened?.() ? 'unknown' : 'unavailable';
      // While there is no connection, the library keeps what is sent until there is one: too late to be of use.
      if (!this.isConnected || isOver()) throw new CoordinationError(code, 'not connected');
      try {
        return (await run(bucket)).is;
      } catch (error) {
        if (this.isClosed) throw new CoordinationError('closed', 'the connection is closed', { cause: error });
        failed(error);
        const fault = faultOf(error);
        if (fault === 'bug') throw error;
        if (mayHaveHappened === null && fault === 'unknown') {
          throw new CoordinationError('unknown', 'no answer', { cause: error });
        }
        if (fault === 'noBucket' && !isMade) {
          isMade = true;
          // If it cannot be made, the next try says so.
          await this.makeBucket(bucket).catch(failed);
        } else await new Promise<void>((resolve) => env.setTimer(resolve, 20 + 80 * env.random()));
      }
    }
  }

  /** Whether there is a connection; after each return hints are asked for anew, as the server may be another, or empty. */
  private async follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.isConnected = false;
      if (status.type !== 'reconnect') continue;
      this.isConnected = true;
      for (const watch of this.watches) {
        try {
          watch.restart();
        } catch (error) {
          this.options.env.log.error({ error: String(error) }, 'a watch could not be started anew');
        }
      }
    }
  }
}
