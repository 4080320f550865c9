// One trouble that is met again and again, a database that is down say: told at once, then at most every ten seconds with how often it
// was met, and once when it is over. Kept by whoever meets it; knows no actor.
import type { Env } from './env.ts';

export const WARN_EVERY_MS = 10_000;

type WarnEnv = Pick<Env, 'now' | 'log'>;

export class RepeatedWarning {
  private readonly message: string;
  private readonly overMessage: string;
  private saidAt = Number.NEGATIVE_INFINITY;
  private times = 0;
  private isSaid = false;

  constructor(message: string, overMessage: string) {
    this.message = message;
    this.overMessage = overMessage;
  }

  /** `times` in the line: met since the line before it. */
  met(env: WarnEnv, fields: object): void {
    this.times++;
    const now = env.now();
    if (now - this.saidAt < WARN_EVERY_MS) return;
    env.log.warn({ ...fields, times: this.times }, this.message);
    this.saidAt = now;
    this.times = 0;
    this.isSaid = true;
  }

  /** Silent unless it was said that there is trouble: what comes and goes all the time makes no more lines than what stays. */
  over(env: WarnEnv, fields: object = {}): void {
    if (!this.isSaid) return;
    this.isSaid = false;
    env.log.info({ ...fields, times: this.times }, this.overMessage);
  }
}
