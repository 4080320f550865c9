// A kind of cell that does what its mail says, for tests: the mail carries a function. What it is told by the system it notes.
import { CONTINUE, type Ctx, type Kind, type Next } from '../kind.ts';

export interface Do {
  readonly t: 'do';
  readonly run: (ctx: Ctx, state: DoerState) => unknown;
}
export interface DoerState {
  readonly key: string;
  readonly arg: unknown;
}

/** Notes are `key: what`, shared by all cells of the kind, in the order of events. */
export const doer = (notes: unknown[], more: Partial<Kind<DoerState, Do>> = {}): Kind<DoerState, Do> => ({
  name: 'doer',
  restart: 'transient',
  activate: 'mail',
  init: (_ctx, key, arg) => ({ key, arg }),
  receive: (ctx, state, mail) => (mail.run(ctx, state) as Next | undefined) ?? CONTINUE,
  onReply(ctx, _state, reply) {
    notes.push([ctx.key, reply]);
    return CONTINUE;
  },
  onDown(ctx, _state, down) {
    notes.push(`${ctx.key}: down ${down.ref.key} ${down.reason}`);
    return CONTINUE;
  },
  onRefused(ctx, _state, refused) {
    notes.push(`${ctx.key}: refused by ${refused.key} ${refused.reason}`);
    return CONTINUE;
  },
  ...more,
});

export const go = (run: Do['run']): Do => ({ t: 'do', run });
export const fail = (message = 'boom'): Do =>
  go(() => {
    throw new Error(message);
  });
