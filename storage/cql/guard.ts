// What stands before each request: so many at once and no more (bulkhead), none while the servers are down (breaker), and an end to
// waiting (timeout). It sends nothing twice: the writer repeats a write of unknown outcome itself, with the same rows.
import {
  type BulkheadPolicy,
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IPolicy,
  wrap,
} from 'cockatiel';
import { type Env, RepeatedWarning } from '../../runtime/index.ts';
import { StoreError } from '../store.ts';
import { outcomeOf, wordsOf } from './faults.ts';

export interface GuardLimits {
  readonly atOnceMax: number;
  readonly waitingMax: number;
  readonly requestMs: number;
  readonly breakAfter: number;
  readonly breakMs: number;
}

export type GuardEnv = Pick<Env, 'now' | 'setTimer' | 'clearTimer' | 'log'>;

export interface GuardStats {
  readonly inFlight: number;
  readonly waiting: number;
  readonly broken: boolean;
  /** Sent since the start; those of them that were not answered well; and those that were not even sent. */
  readonly sent: number;
  readonly failed: number;
  readonly refused: number;
}

export class Guard {
  private readonly limits: GuardLimits;
  private readonly env: GuardEnv;
  private readonly crowd: BulkheadPolicy;
  private readonly breaker: CircuitBreakerPolicy;
  private readonly policy: IPolicy;
  private sent = 0;
  private failed = 0;
  private refused = 0;

  constructor(name: string, limits: GuardLimits, env: GuardEnv) {
    this.limits = limits;
    this.env = env;
    this.crowd = bulkhead(limits.atOnceMax, limits.waitingMax);
    this.breaker = circuitBreaker(
      handleWhen((error) => outcomeOf(error) !== 'invalid'),
      { halfOpenAfter: limits.breakMs, breaker: new ConsecutiveBreaker(limits.breakAfter) },
    );
    const down = new RepeatedWarning(
      'the database does not answer; requests fail at once until it does',
      'the database answers again',
    );
    // Each look at it that finds it down as before is another break.
    this.breaker.onBreak((reason) => {
      const words = 'error' in reason ? wordsOf(reason.error) : 'asked to';
      down.met(env, { guard: name, error: words });
    });
    this.breaker.onReset(() => down.over(env, { guard: name }));
    this.policy = wrap(this.crowd, this.breaker);
  }

  async run<T>(request: () => Promise<T>): Promise<T> {
    let isSent = false;
    try {
      return await this.policy.execute(() => {
        isSent = true;
        this.sent++;
        return this.inTime(request);
      });
    } catch (error) {
      if (isSent) this.failed++;
      else this.refused++;
      throw error;
    }
  }

  /**
   * Innermost: what waits for its turn was not sent, and one that is late counts as a failure. Not cockatiel's own timeout, which hangs
   * a listener for each request on one signal.
   */
  private inTime<T>(request: () => Promise<T>): Promise<T> {
    const { env } = this;
    const { requestMs } = this.limits;
    return new Promise((resolve, reject) => {
      const timer = env.setTimer(
        () => reject(new StoreError('unknown', `no answer within ${requestMs} ms`)),
        requestMs,
      );
      // One that throws at once is a rejection too, and leaves no timer.
      (async () => request())()
        .then(resolve, reject)
        .finally(() => env.clearTimer(timer));
    });
  }

  get stats(): GuardStats {
    const { sent, failed, refused } = this;
    return {
      sent,
      failed,
      refused,
      inFlight: this.limits.atOnceMax - this.crowd.executionSlots,
      waiting: this.limits.waitingMax - this.crowd.queueSlots,
      broken: this.breaker.state !== CircuitState.Closed,
    };
  }
}
