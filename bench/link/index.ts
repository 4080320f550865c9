// `npm run bench -- link`: mail of 100 bytes from one node to another, both in this process: over NATS with batches as they are in
// production, with a batch for each mail, and as mail of actors from kernel to kernel. What it costs is processor time, both ends and
// the client's sockets; the server's own is not in it.
import { startNats } from '#services';
import type { Carrier, LinkLimits, NodeId, Placement } from '../../cluster/index.ts';
import { ClusterRouter, NodeLinks, nodeIdOf } from '../../cluster/index.ts';
import { MemoryHub } from '../../cluster/memory/index.ts';
import { connectNatsCarrier } from '../../cluster/nats/index.ts';
import { CONTINUE, createKernel, createRealEnv, type Kernel, type Kind, silentLog } from '../../runtime/index.ts';

const MAIL_BYTES = 100;
const MAILS = 1_000_000;
/** Without batches it is a fraction of that, so that it ends. */
const MAILS_UNBATCHED = 200_000;
const STALLED_MS = 60_000;

interface Row {
  readonly name: string;
  readonly mails: number;
  readonly mailsPerSecond: number;
  readonly cpuUsPerMail: number;
  readonly mailsPerBatch: number;
  readonly resends: number;
}

const env = createRealEnv(silentLog);
const A = nodeIdOf('a', '1');
const B = nodeIdOf('b', '1');
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const turn = () => new Promise<void>((resolve) => env.setImmediate(resolve));

export async function runLinkBench(args: readonly string[]): Promise<readonly Row[]> {
  const asked = args.find((each) => /^\d+$/.test(each));
  const mails = asked === undefined ? MAILS : Number(asked);
  const unbatched = Math.min(mails, MAILS_UNBATCHED);
  const rows: Row[] = [];
  const nats = await startNats();
  if (nats.skip !== null) print(`NATS cannot be had here: ${nats.skip}`);
  const overMemory = async () => {
    const hub = new MemoryHub(env);
    return [hub.connect('a'), hub.connect('b')] as const;
  };
  const overNats = async () => {
    const servers = nats.skip === null ? nats.urls : [];
    const open = (name: string) => connectNatsCarrier({ env, servers, name });
    return [await open('a'), await open('b')] as const;
  };
  const kinds =
    nats.skip === null
      ? ([
          ['NATS', overNats],
          ['memory', overMemory],
        ] as const)
      : ([['memory', overMemory]] as const);
  for (const [name, open] of kinds) {
    rows.push(await ofLinks(`link over ${name}, batched`, await open(), mails, {}));
    rows.push(await ofLinks(`link over ${name}, one mail a batch`, await open(), unbatched, { batchBytesMax: 1 }));
    rows.push(await ofKernels(`kernel to kernel over ${name}`, await open(), mails));
  }
  if (nats.skip === null) await nats.dispose();
  for (const row of rows) {
    print(
      `${row.name.padEnd(40)} ${Math.round(row.mailsPerSecond).toLocaleString('en').padStart(10)} mails/s  ` +
        `${row.cpuUsPerMail.toFixed(2).padStart(6)} us/mail  ${row.mailsPerBatch.toFixed(1).padStart(6)} mails/batch  ${row.resends} resends`,
    );
  }
  return rows;
}

type Ends = readonly [Carrier, Carrier];

async function ofLinks(name: string, ends: Ends, mails: number, limits: Partial<LinkLimits>): Promise<Row> {
  let got = 0;
  const [a, b] = [linksOf(A, ends[0], () => {}, limits), linksOf(B, ends[1], () => got++, limits)];
  const mail = new Uint8Array(MAIL_BYTES).fill(7);
  const send = () => a.send(B, mail) === null;
  const row = await measure(name, mails, send, () => got, a);
  await close(ends, [a, b]);
  return row;
}

const linksOf = (
  self: NodeId,
  carrier: Carrier,
  onMail: (from: NodeId, mail: Uint8Array) => void,
  limits: Partial<LinkLimits> = {},
  onBroken: ConstructorParameters<typeof NodeLinks>[0]['onBroken'] = () => {
    throw new Error('the link broke');
  },
) => new NodeLinks({ env, carrier, self, epoch: () => 1, accepts: () => true, onMail, onBroken, limits });

/** Actors that count; their names are spread over a thousand cells. */
async function ofKernels(name: string, ends: Ends, mails: number): Promise<Row> {
  let got = 0;
  const kind: Kind<null, { readonly t: 'post' }> = {
    name: 'counter',
    activate: 'mail',
    restart: 'transient',
    mailboxMailsMax: 100_000,
    init: () => null,
    receive() {
      got++;
      return CONTINUE;
    },
  };
  const node = (self: NodeId, carrier: Carrier): { kernel: Kernel; links: NodeLinks } => {
    const placement: Placement = {
      self,
      epoch: 1,
      shardOf: () => 1,
      whereIs: () => (self === B ? 'here' : B),
      hold: () => 'busy',
      rest: () => {},
      onShards: () => {},
      accepts: () => true,
      stale: () => {},
    };
    const router = new ClusterRouter(env, placement);
    const kernel = createKernel({ env, node: self, router });
    const links = linksOf(self, carrier, router.receive, {}, router.broken);
    router.start(kernel, links);
    kernel.register(kind);
    return { kernel, links };
  };
  const [a, b] = [node(A, ends[0]), node(B, ends[1])];
  const body = new Uint8Array(MAIL_BYTES).fill(7);
  let n = 0;
  const send = () =>
    a.kernel.route('counter', `c${n++ % 1_000}`, { t: 'post', user: 'someone', id: 'm1234567', body }) === null;
  const row = await measure(name, mails, send, () => got, a.links);
  await close(ends, [a.links, b.links]);
  await a.kernel.shutdown();
  await b.kernel.shutdown();
  return row;
}

async function close(ends: Ends, links: readonly NodeLinks[]): Promise<void> {
  for (const each of links) each.close();
  for (const carrier of ends) await carrier.close();
}

/** A tenth first, unmeasured. */
async function measure(
  name: string,
  mails: number,
  send: () => boolean,
  got: () => number,
  links: NodeLinks,
): Promise<Row> {
  await drive(Math.ceil(mails / 10), send, got);
  const before = links.stats();
  const cpu = process.cpuUsage();
  const start = env.now();
  await drive(mails, send, got);
  const ms = env.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const after = links.stats();
  return {
    name,
    mails,
    mailsPerSecond: (mails / ms) * 1_000,
    cpuUsPerMail: (user + system) / mails,
    mailsPerBatch: (after.mailsOut - before.mailsOut) / (after.batchesOut - before.batchesOut),
    resends: after.resends - before.resends,
  };
}

async function drive(mails: number, send: () => boolean, got: () => number): Promise<void> {
  const end = got() + mails;
  const until = env.now() + STALLED_MS;
  for (let sent = 0; got() < end; await turn()) {
    while (sent < mails && send()) sent++;
    if (env.now() > until) throw new Error(`${end - got()} mails did not arrive`);
  }
}
