// Types of the door, by hand: the scripts are plain JavaScript, since they run before anything is built.

/** One server process. */
export interface Server {
  readonly name: string;
  readonly host: string;
  /** The one that clients use. */
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** File with all it said. */
  readonly log: string;
  /** Null while it does not run. */
  readonly pid: number | null;
  readonly running: boolean;
  /** With the data that is there; resolves when it serves. */
  start(): Promise<void>;
  /** Resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** `empty`: without its data. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
}

/** The servers of one kind that belong together. The verbs mean all of them; `nodes` has each. */
export interface Servers {
  readonly skip: null;
  readonly kind: 'nats' | 'redis' | 'cassandra' | 'haproxy';
  /** By an environment variable: nothing of it can be stopped or started, and `nodes` is empty. */
  readonly given: boolean;
  readonly version: string;
  readonly nodes: readonly Server[];
  /** Comma separated when there are several. For Cassandra: host:port. */
  readonly url: string;
  readonly urls: readonly string[];
  /** host:port of each. */
  readonly addresses: readonly string[];
  readonly facts: {
    readonly auth?: { readonly user: string; readonly password: string };
    /** Certificate that clients are to trust. */
    readonly caFile?: string;
    readonly dataCenter?: string;
  };
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** Ends them and leaves nothing behind. They also end with the process that started them. */
  dispose(): Promise<void>;
}

/** The server cannot be had on this machine, and why. */
export interface Skipped {
  readonly skip: string;
}

interface Say {
  readonly say?: (words: string) => void;
}
export interface NatsOptions extends Say {
  readonly nodes?: number;
  /** A certificate of its own; `facts.caFile` is what to trust. Needs openssl. */
  readonly tls?: boolean;
  readonly auth?: { readonly user: string; readonly password: string };
}
export interface RedisOptions extends Say {
  readonly password?: string;
  /** As of NATS. */
  readonly tls?: boolean;
}
export interface CassandraOptions extends Say {
  /** On 127.0.0.1, .2, .3: Linux has these addresses, other systems may not. */
  readonly nodes?: number;
  readonly heapMb?: number;
  /** For clients that want it, as of NATS. */
  readonly tls?: boolean;
  /** With the optimising compiler: slower to start, for measurements. */
  readonly load?: boolean;
}
export interface HaproxyOptions extends Say {
  /** host:port of nodes of Parley. */
  readonly backends?: readonly string[];
}

/** Each: what is given by PARLEY_TEST_NATS, PARLEY_TEST_REDIS, PARLEY_TEST_CASSANDRA (host:port, …), else one's own. */
export function startNats(options?: NatsOptions): Promise<Servers | Skipped>;
export function startRedis(options?: RedisOptions): Promise<Servers | Skipped>;
export function startCassandra(options?: CassandraOptions): Promise<Servers | Skipped>;
export function startHaproxy(options?: HaproxyOptions): Promise<Servers | Skipped>;

/** The one that all processes of this run use: started by who asks first. Options other than `nodes` are of who asks first. */
export function shared(kind: 'nats', options?: NatsOptions): Promise<Servers | Skipped>;
export function shared(kind: 'redis', options?: RedisOptions): Promise<Servers | Skipped>;
export function shared(kind: 'cassandra', options?: CassandraOptions): Promise<Servers | Skipped>;

/** The environment variable that hands a run's folder to other processes. */
export const RUN_VARIABLE: string;
export interface Run {
  readonly folder: string;
  /** Ends all that was started in it. Also happens when this process dies. */
  close(): Promise<void>;
}
export function openRun(): Run;

/** Where a program is, fetched first if need be; throws Unavailable when it cannot be had. */
export interface Program {
  readonly program: string;
  readonly version: string;
}
export class Unavailable extends Error {}
export function natsProgram(options?: Say): Promise<Program & { readonly knowsSync: boolean }>;
export function redisProgram(options?: Say): Promise<Program>;
export function haproxyProgram(options?: Say): Promise<Program>;
