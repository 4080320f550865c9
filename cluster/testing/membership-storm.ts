// Membership under seeded faults: the storm of storm.ts, over nodes that open and close shards at once, as a model does.
import type { Coordination } from '../coordination.ts';
import { ModelNode, ModelWorld } from './model-node.ts';
import { Storm } from './storm.ts';
import type { NodeEnv } from './virtual-clock.ts';

export class MembershipStorm extends Storm<ModelNode> {
  override readonly world = new ModelWorld();

  protected override open(name: string, env: NodeEnv, coordination: Coordination): ModelNode {
    return new ModelNode(this.world, { name, env, coordination, mailMs: () => this.clock.between(0.1, 50) });
  }

  protected override stateOf(node: ModelNode): string {
    return `open ${node.openCount}`;
  }
}
