// Links of several nodes over one network in memory, on a clock that a test moves.
import { TestEnv } from '../../runtime/testing/test-env.ts';
import { type CarrierFaults, MemoryHub, noFaults } from '../memory/carrier.ts';
import { type NodeId, nameOf, nodeIdOf } from '../node-id.ts';
import { NodeLinks } from '../node-links.ts';

export const A = nodeIdOf('a', '1');
export const B = nodeIdOf('b', '1');
export const bytesOf = (text: string) => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

export interface End {
  readonly id: NodeId;
  readonly links: NodeLinks;
  readonly got: string[];
  readonly broken: string[];
  readonly lost: string[];
}

export const network = (more: { faults?: Partial<CarrierFaults>; payloadMax?: number } = {}) => {
  const env = new TestEnv();
  const hub = new MemoryHub(env, {
    faults: { ...noFaults(), ...more.faults },
    ...(more.payloadMax === undefined ? {} : { payloadMax: more.payloadMax }),
  });
  const node = (id: NodeId, options: Partial<ConstructorParameters<typeof NodeLinks>[0]> = {}): End => {
    const end = { id, got: [] as string[], broken: [] as string[], lost: [] as string[] };
    const links = new NodeLinks({
      env,
      carrier: hub.connect(nameOf(id)),
      self: id,
      epoch: () => 1,
      accepts: () => true,
      onMail: (_from, mail) => end.got.push(textOf(mail)),
      onBroken: (from, lost, why) => {
        end.broken.push(`${from} ${why}`);
        end.lost.push(...lost.map(({ bytes }) => textOf(bytes)));
      },
      ...options,
    });
    return { ...end, links };
  };
  const say = (from: End, to: NodeId, ...texts: string[]) =>
    texts.map((text) => from.links.send(to, bytesOf(text))).filter((refused) => refused !== null);
  return { env, hub, node, say };
};
