// What the CQL store is opened with: where the servers are, who we are to them, and every limit it keeps, with its default.
import type { Env } from '../../runtime/index.ts';

export interface CqlTls {
  /** PEM. Default: the certificate authorities of the system. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** False: any certificate will do. Default true. */
  readonly verify?: boolean;
}

export interface CqlServers {
  /** host or host:port; one that answers is enough, the others are found. */
  readonly contactPoints: readonly string[];
  readonly localDataCenter: string;
  readonly credentials?: { readonly username: string; readonly password: string } | null;
  readonly tls?: CqlTls | null;
}

export interface CqlOptions extends CqlServers {
  readonly env: Pick<Env, 'now' | 'setTimer' | 'clearTimer' | 'random' | 'id' | 'log'>;
  readonly keyspace: string;
  /** Of data; fences use the serial one that goes with it. `quorum` spans data centres. Default `localQuorum`. */
  readonly consistency?: 'localQuorum' | 'quorum';
  /** What to do about a server that acknowledges before it is on disk, where it can be asked. Default `warn`. */
  readonly commitLog?: 'refuse' | 'warn' | 'ignore';
  readonly limits?: Partial<CqlLimits>;
}

export interface CqlLimits {
  /** To open a connection, ms. */
  readonly connectMs: number;
  /** One request to one server, ms. Above the server's own limit for writes (2 s): it knows better what came of them. */
  readonly requestMs: number;
  /** A batch, retries on other servers included, ms; then its outcome is unknown. */
  readonly commitMs: number;
  /** A read request, retries included, ms; then it has failed. */
  readonly readMs: number;
  /** All tries to take a fence, ms. */
  readonly fenceMs: number;
  /** A read that another server is asked too after this long, ms. */
  readonly speculateMs: number;
  /** Rows and bytes of one batch, which is of one partition. One row larger than the bytes goes alone. */
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  /** Batches of one commit in flight. */
  readonly batchesMax: number;
  /** Requests in flight from all commits; more wait, and beyond `writesWaitingMax` fail unsent. The same for reads. */
  readonly writesMax: number;
  readonly writesWaitingMax: number;
  readonly readsMax: number;
  readonly readsWaitingMax: number;
  /** So many failures in a row, and for `breakMs` nothing is sent; then one request tries. */
  readonly breakAfter: number;
  readonly breakMs: number;
  /** Rows that one answer of a server holds at the most. */
  readonly pageRowsMax: number;
}

/** The figures behind the batch sizes are in docs/decisions.md. */
export const CQL_LIMITS: CqlLimits = {
  connectMs: 5_000,
  requestMs: 2_500,
  commitMs: 6_000,
  readMs: 5_000,
  fenceMs: 10_000,
  speculateMs: 100,
  batchRowsMax: 100,
  batchBytesMax: 65_536,
  batchesMax: 64,
  writesMax: 256,
  writesWaitingMax: 4_096,
  readsMax: 128,
  readsWaitingMax: 2_048,
  breakAfter: 16,
  breakMs: 500,
  pageRowsMax: 256,
};
