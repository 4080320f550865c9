// Smaller simulations than that of whole nodes, each of one part of the cluster and harder on it: one seed is one story.
import { Churn } from './churn.ts';
import { MailStorm } from './mail-storm.ts';
import { MembershipStorm } from './membership-storm.ts';
import { ShardStorm } from './shard-storm.ts';

export type ModelName = 'membership' | 'shards' | 'churn' | 'mail';

const CHURN_MS = 30_000;

/** Rejects when a rule is broken. Gives what two runs of one seed have in common. */
export const MODELS: Readonly<Record<ModelName, (seed: number) => Promise<string>>> = {
  membership: async (seed) => {
    const storm = new MembershipStorm(seed);
    return `${await storm.run()} ${storm.clock.events}`;
  },
  shards: async (seed) => {
    const storm = new ShardStorm(seed);
    return `${await storm.run()} ${storm.clock.events}`;
  },
  churn: async (seed) => {
    const churn = new Churn(seed, { chaosMs: CHURN_MS, fencesShown: seed % 3 > 0, movesShown: seed % 3 < 2 });
    return `${await churn.run()} ${churn.clock.events}`;
  },
  mail: async (seed) => new MailStorm(seed).run(),
};
