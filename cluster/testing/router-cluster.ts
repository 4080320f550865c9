// A cluster of real kernels in one process, on a clock that a test moves: routers and links over the carrier in memory, and a placement
// that a test sets by hand. Its actors do what their mail says, as plain data, since functions do not cross.
import {
  CONTINUE,
  type Ctx,
  createKernel,
  type Kernel,
  type Kind,
  type Next,
  type Ref,
  type Refusal,
  STOP_NORMAL,
} from '../../runtime/index.ts';
import { TestEnv } from '../../runtime/testing/test-env.ts';
import type { LinkLimits } from '../link-limits.ts';
import { MemoryHub, noFaults } from '../memory/carrier.ts';
import { type NodeId, nameOf, nodeIdOf } from '../node-id.ts';
import { NodeLinks } from '../node-links.ts';
import type { Placement } from '../placement.ts';
import { ClusterRouter } from '../router.ts';

export type Act =
  | { readonly do: 'note'; readonly text: string }
  | { readonly do: 'route'; readonly key: string; readonly mail: object }
  | { readonly do: 'all' | 'hint'; readonly keys: readonly string[]; readonly mail: object }
  | { readonly do: 'call'; readonly key: string; readonly mail: object; readonly ms: number }
  | { readonly do: 'answer'; readonly value: unknown }
  | { readonly do: 'send' | 'reply'; readonly to: Ref | 'sender'; readonly mail: object }
  | { readonly do: 'monitor' | 'link' | 'unlink'; readonly to: Ref | 'sender' }
  | { readonly do: 'demonitor' | 'crash' | 'stop' };
export interface DoMail {
  readonly t: 'do';
  readonly acts: readonly Act[];
}
export const doing = (...acts: readonly Act[]): DoMail => ({ t: 'do', acts });
export const noting = (text: string): DoMail => doing({ do: 'note', text });

interface DoState {
  monitor: number;
}

export interface Node {
  readonly id: NodeId;
  readonly kernel: Kernel;
  readonly router: ClusterRouter;
  readonly links: NodeLinks;
  /** Where this node thinks each shard is; a shard is the first letter of a key. */
  readonly table: Map<string, NodeId | 'here' | 'hold' | null>;
  readonly held: { key: string; mail: object; from: Ref | null; call: number; hops: number }[];
  readonly staleSaid: number[];
  epoch: number;
  accepts: boolean;
}

export const cluster = (names: readonly string[], limits: Partial<LinkLimits> = {}) => {
  const env = new TestEnv();
  const faults = noFaults();
  const hub = new MemoryHub(env, { faults });
  const notes: string[] = [];
  const nodes = names.map((name): Node => {
    const node = {
      id: nodeIdOf(name, '1'),
      epoch: 1,
      accepts: true,
      held: [] as Node['held'],
      staleSaid: [] as number[],
    };
    const table: Node['table'] = new Map(names.map((each) => [each, each === name ? 'here' : nodeIdOf(each, '1')]));
    const self = node as unknown as Node;
    const placement: Placement = {
      get self() {
        return self.id;
      },
      get epoch() {
        return self.epoch;
      },
      shardOf: (kind, key) => (kind === 'doer' ? key.charCodeAt(0) : null),
      whereIs: (shard) => table.get(String.fromCharCode(shard)) ?? null,
      hold(_shard, _kind, key, mail, from, call, hops): Refusal | null {
        if (self.held.length >= 2) return 'busy';
        self.held.push({ key, mail, from, call, hops });
        return null;
      },
      rest: () => {},
      onShards: () => {},
      accepts: () => self.accepts,
      stale: (epoch) => void self.staleSaid.push(epoch),
    };
    const router = new ClusterRouter(env, placement);
    const kernel = createKernel({ env, node: name, router });
    const links = new NodeLinks({
      env,
      carrier: hub.connect(name),
      self: node.id,
      epoch: () => self.epoch,
      accepts: placement.accepts,
      onMail: router.receive,
      onBroken: router.broken,
      limits,
    });
    router.start(kernel, links);
    kernel.register(doer(kernel, notes));
    kernel.register({ ...doer(kernel, notes), name: 'fixed', activate: 'spawn', restart: 'temporary' });
    return Object.assign(self, { kernel, router, links, table });
  });
  const byName = new Map(nodes.map((node) => [nameOf(node.id), node]));
  return { env, hub, faults, notes, nodes, at: (name: string) => byName.get(name) as Node };
};

const doer = (kernel: Kernel, notes: string[]): Kind<DoState, DoMail> => {
  const note = (ctx: Ctx, text: string) => void notes.push(`${ctx.key}: ${text}`);
  return {
    name: 'doer',
    activate: 'mail',
    restart: 'transient',
    mailboxMailsMax: 4,
    init: () => ({ monitor: 0 }),
    receive(ctx, state, mail) {
      for (const act of mail.acts) {
        const next = perform(kernel, ctx, state, act, (text) => note(ctx, text));
        if (next !== CONTINUE) return next;
      }
      return CONTINUE;
    },
    onReply(ctx, _state, reply) {
      note(ctx, `reply ${JSON.stringify(reply)}`);
      return CONTINUE;
    },
    onDown(ctx, _state, down) {
      note(ctx, `down ${down.ref.key} ${down.reason}`);
      return CONTINUE;
    },
    onExit(ctx, _state, exit) {
      note(ctx, `exit ${exit.ref.key} ${exit.reason}`);
      return CONTINUE;
    },
    onRefused(ctx, _state, refused) {
      const { t, acts } = refused.mail as DoMail;
      note(ctx, `refused by ${refused.key} ${refused.reason} ${t}${acts?.length ?? ''}`);
      return CONTINUE;
    },
  };
};

function perform(kernel: Kernel, ctx: Ctx, state: DoState, act: Act, note: (text: string) => void): Next {
  const who = (to: Ref | 'sender'): Ref => (to === 'sender' ? (ctx.sender ?? ctx.self) : to);
  if (act.do === 'note') note(`${act.text}${ctx.sender === null ? '' : ` from ${ctx.sender.key}`}`);
  else if (act.do === 'route') ctx.route('doer', act.key, act.mail);
  else if (act.do === 'all') ctx.routeAll('doer', act.keys, act.mail);
  else if (act.do === 'hint') ctx.hint('doer', act.keys, act.mail);
  else if (act.do === 'call') ctx.call('doer', act.key, act.mail, act.ms, 7);
  else if (act.do === 'answer') ctx.answer(act.value);
  else if (act.do === 'send') ctx.send(who(act.to), act.mail);
  else if (act.do === 'reply') kernel.reply(who(act.to), act.mail, ctx.self);
  else if (act.do === 'monitor') state.monitor = ctx.monitor(who(act.to));
  else if (act.do === 'demonitor') ctx.demonitor(state.monitor);
  else if (act.do === 'link') ctx.link(who(act.to));
  else if (act.do === 'unlink') ctx.unlink(who(act.to));
  else if (act.do === 'crash') throw new Error('boom');
  else return STOP_NORMAL;
  return CONTINUE;
}
