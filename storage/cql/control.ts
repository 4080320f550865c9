// Two servers that come and go at once make the driver look for a new control connection twice at once, and each takes the other's away:
// one ends in a TypeError that nobody hears, which ends the process (cassandra-driver 4.10, NODEJS-681). Here one looks after the other.
import type { Client } from 'cassandra-driver';

/** What we know of the driver's own control connection. Held by a test on the real one. */
export interface ControlConnection {
  /** `hosts`: its own next try within one that is under way. Never rejects, once it is set in order. */
  _refresh(hosts?: Iterator<unknown>): Promise<void>;
}

/** Who says it, in the driver's own event `log`. */
export const IN_TURN = 'parley';

export const controlOf = (client: Client): ControlConnection =>
  (client as unknown as { controlConnection: ControlConnection }).controlConnection;

/** Failures in a row that the driver did not plan for. Then it is left until a server goes or comes. */
const FAILURES_MAX = 3;

/** `told`: a failure that the driver did not plan for. */
export function inTurn(control: ControlConnection, told: (message: string) => void): void {
  const refresh = control._refresh.bind(control);
  let underWay: Promise<void> | null = null;
  let isAsked = false;
  const run = async (): Promise<void> => {
    for (let failures = 0; isAsked; ) {
      isAsked = false;
      try {
        await refresh();
        failures = 0;
      } catch (error) {
        told(`no control connection to the database: ${String(error)}`);
        isAsked ||= ++failures < FAILURES_MAX;
      }
    }
    underWay = null;
  };
  control._refresh = (hosts) => {
    if (hosts !== undefined) return refresh(hosts);
    isAsked = true;
    underWay ??= run();
    return underWay;
  };
}
