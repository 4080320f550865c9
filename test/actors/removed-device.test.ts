import { afterEach, expect, it } from 'vitest';
import { OP } from '../../protocol/index.ts';
import { createRealEnv, silentLog } from '../../runtime/index.ts';
import { faultPlan, type Store, withFaults } from '../../storage/index.ts';
import { createMemoryDisk } from '../../storage/memory/index.ts';
import { startTestNode, type TestNode, until } from './harness.ts';

let t: TestNode;
afterEach(async () => {
  await t.stop();
});

it('a removed device is owed everything until its row is gone: should the session die before, it goes on from that', async () => {
  let goOn = (): void => {};
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  let inboxHead = async (): Promise<number> => 0;
  const held = (store: Store): Store => {
    inboxHead = () => store.lastOf('i:bob');
    return {
      ...withFaults(store, faultPlan(), createRealEnv(silentLog)),
      commit: async (writes) => {
        if (writes.some((w) => w.t === 'del' && w.table === 'device')) await gate;
        return store.commit(writes);
      },
    };
  };
  t = await startTestNode({ writers: 8 }, createMemoryDisk(), held);
  const [alice, bob, other] = [t.device('alice'), t.device('bob'), t.device('bob', 'other')];
  for (const device of [alice, bob, other]) await device.signIn();
  const chat = await alice.direct('bob');
  for (const device of [bob, other]) {
    await device.next('RECEIVE_MESSAGE');
    device.ack(chat, 1);
  }
  // That of the chat itself, which says that he is in it.
  await expect.poll(inboxHead).toBe(1);
  const answer = bob.ask((ref) => ({ op: OP.REMOVE_DEVICE, ref, device: 'other' }));
  await until('an end of it', () => other.sink.closedAs);
  alice.text(chat, 'm1');
  await bob.next('RECEIVE_MESSAGE', (f) => f.id === 'm1');
  bob.ack(chat, 2);
  await alice.next('RECEIPT', (f) => f.delivered === 2);
  goOn();
  expect(await answer).toMatchObject({ op: OP.OK });
  await expect.poll(inboxHead).toBe(2);
  const list = await bob.ask((ref) => ({ op: OP.LIST_DEVICES, ref }));
  expect(list.op === OP.DEVICES && list.devices.map(({ device }) => device)).toEqual([bob.device]);
});
