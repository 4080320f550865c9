// One self-contained page of a result: figures against their goals, curves, tables, environment. No script, nothing fetched.
import type { PeerName } from '../load/dialect.ts';
import { digits } from './digits.ts';
import type { ClusterRound, DirectRound, Result } from './result.ts';
import { type Curve, latencySvg } from './svg.ts';

const COLOURS: Readonly<Record<PeerName, string>> = { parley: '#0b7a75', relay: '#8a8d91', 'socket-io': '#c8553d' };
const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1e21}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #e3e5e8}
td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto;font-size:12px}.grid{stroke:#e3e5e8}
.kept{color:#0b7a75}.broken,.invalid{color:#b3261e}code{background:#f3f4f6;padding:0 .25rem}`;

export function reportHtml(result: Result): string {
  const { scenario, verdict, environment: env } = result;
  const parts = [
    `<h1>${scenario} <span class="${verdict}">${verdict}</span></h1>`,
    `<p>MEASURED ${env.at}, ${text(env.cpu)}, ${env.cores} cores, node ${env.node}, ${env.pinned ? 'pinned' : 'not pinned'}.</p>`,
    figures(result),
    ...(scenario === 'idle' ? [idle(result)] : direct(result.direct)),
    ...((result.cluster?.length ?? 0) > 0 ? [cluster(result.cluster ?? [])] : []),
    `<h2>How</h2><ul>${result.notes.map((note) => `<li>${text(note)}</li>`).join('')}</ul>`,
    `<h2>Environment</h2>${pairsTable(env)}<h2>Options</h2>${pairsTable(result.options)}`,
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>bench ${scenario}</title><style>${STYLE}</style>${parts.join('\n')}</html>\n`;
}

function figures(result: Result): string {
  return table(
    ['figure', 'median', 'range', 'reach', 'aim'],
    result.figures.map(({ name, unit, value, low, high, reach, aim }) => [
      name,
      `${digits(value)} ${unit}`,
      low === high ? '' : `${digits(low)} to ${digits(high)}`,
      reach === null ? '' : String(reach),
      aim === null ? '' : String(aim),
    ]),
  );
}

function cluster(rounds: readonly ClusterRound[]): string {
  return table(
    [
      'placement',
      'mode',
      'round',
      'µs/msg',
      'µs/delivery',
      'msg/s',
      'sent p99',
      'delivered p99',
      'mails/msg',
      'batches/msg',
    ],
    rounds.map(({ placement, mode, round, cpuUs, cpuUsPerDelivery, perSecond, sent, delivered, perMessage }) => [
      placement,
      mode,
      String(round),
      ...[cpuUs, cpuUsPerDelivery, perSecond, sent.p99, delivered.p99].map(digits),
      ...[perMessage.linkMails ?? 0, perMessage.linkBatches ?? 0].map(digits),
    ]),
  );
}

function direct(rounds: readonly DirectRound[]): string[] {
  const modes = [...new Set(rounds.map((round) => round.mode))];
  return modes.flatMap((mode) => {
    const own = rounds.filter((round) => round.mode === mode);
    return [
      `<h2>${mode}</h2>`,
      `<p>Latency from send to <code>sent</code>, last round. Line: from the intended time. Dashed: from the real one.</p>`,
      latencySvg(curvesOf(own)),
      table(
        [
          'server',
          'round',
          'µs/msg',
          'user',
          'system',
          'msg/s',
          'server core',
          'load core',
          'sent p50',
          'sent p99',
          'delivered p99',
          'lag p99',
          'RSS MiB',
          'promise',
        ],
        own.map(roundCells),
      ),
    ];
  });
}

function curvesOf(rounds: readonly DirectRound[]): Curve[] {
  const last = new Map(rounds.map((round) => [round.peer, round]));
  return [...last.values()].flatMap(({ peer, sent, sentUncorrected }) => [
    { name: peer, colour: COLOURS[peer], dashed: false, points: sent.curve },
    { name: `${peer}, uncorrected`, colour: COLOURS[peer], dashed: true, points: sentUncorrected.curve },
  ]);
}

function roundCells(round: DirectRound): string[] {
  const faults = Object.entries(round.promises).filter(([, count]) => count > 0);
  const broken = faults.map(([name, count]) => `${name} ${count}`).join(', ');
  return [
    round.peer,
    String(round.round),
    digits(round.cpuUs),
    digits(round.userUs),
    digits(round.systemUs),
    digits(round.perSecond),
    `${(round.serverShare * 100).toFixed(0)} %`,
    `${(round.loadShare * 100).toFixed(0)} %`,
    digits(round.sent.p50),
    digits(round.sent.p99),
    digits(round.delivered.p99),
    digits(round.lag.p99),
    digits(round.rssMiB),
    round.invalid ?? (broken === '' ? 'kept' : broken),
  ];
}

function idle(result: Result): string {
  const kb = (bytes: number): string => digits(bytes / 1_024);
  return table(
    [
      'server',
      'sockets',
      'when',
      'RSS KB each',
      'heap KB each',
      'slack KB each',
      'young KB each',
      'native KB each',
      'RSS MiB',
      'heap used MiB',
      'heap total MiB',
    ],
    result.idle.flatMap(({ peer, connections, samples }) =>
      samples.map(
        ({
          when,
          memory,
          rssPerConnection,
          heapPerConnection,
          slackPerConnection,
          youngPerConnection,
          nativePerConnection,
        }) => [
          peer,
          String(connections),
          when,
          kb(rssPerConnection),
          kb(heapPerConnection),
          kb(slackPerConnection),
          kb(youngPerConnection),
          kb(nativePerConnection),
          digits(memory.rss / 2 ** 20),
          digits(memory.heapUsed / 2 ** 20),
          digits(memory.heapTotal / 2 ** 20),
        ],
      ),
    ),
  );
}

function pairsTable(values: object): string {
  return table(
    ['name', 'value'],
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
