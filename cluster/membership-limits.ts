// The times of membership, in one place, with what holds between them. All are durations on one node's own monotonic clock.

/** How often a member says that it lives. */
export const HEARTBEAT_MS = 1_000;
/** A member works its shards for so long after it sent the last renewal that was acknowledged. */
export const LEASE_MS = 4_000;
/** What observers take for the lease: more than it is, as clocks drift and a process may be slow to look. */
export const LEASE_SEEN_MS = 5_000;
export const MARGIN_MS = 2_000;
/** A record that did not change for so long is of a member whose lease has run out. */
export const SILENCE_MS = LEASE_SEEN_MS + MARGIN_MS;
/** Hints that do not come for so long are not waited for: the record is read. */
export const PROBE_AFTER_MS = 2_500;
export const PROBE_EVERY_MS = 1_000;
/** Newcomers are let in when for so long none came and none went. */
export const QUIET_MS = 3_000;
/** Each next one of those that may propose waits so much longer than the one before. */
export const STAGGER_MS = 500;
/** A member that says that it has no weight any more keeps its shards for so long: time for others to say so too. */
export const WEIGHTLESS_MS = 2_000;
/** Moves of an epoch that take longer are not waited for by the next. */
export const MOVES_MS = 30_000;
/** How often all live keys are listed, should hints of new ones be lost. */
export const LIST_EVERY_MS = 5_000;
/** How often rings are looked for while one is missing. */
export const FIND_EVERY_MS = 1_000;
/** A ring that some member does not know after so long may be gone from the store: it was wiped. */
export const RESTORE_MS = 3_000;
/** The dead are remembered for so long, longer than their keys are kept. */
export const REMEMBER_MS = 2 * 60 * 60 * 1_000;
export const TICK_MS = 250;

if (LEASE_MS >= LEASE_SEEN_MS) throw new Error('observers must think a lease longer than its holder does');
if (HEARTBEAT_MS * 3 > LEASE_MS) throw new Error('a lease must survive two renewals that fail');
