// `npm run chaos -- [kill|fuzz] [options]`: a run against a real node, its counts printed; exit 1 when the promise broke.
//   kill [--kills 20] [--clients 50] [--seconds 60] [--rate 400]
//   fuzz [--frames 100000] [--seed 1] [--attackers 16] [--rate 40] [--settle 200]
import { parseArgs } from 'node:util';
import { fuzzRun } from './fuzz.ts';
import { killRun } from './kill.ts';

const log = (line: string): void => console.log(line);
const [run = 'kill', ...rest] =
  process.argv[2]?.startsWith('-') === false ? process.argv.slice(2) : ['kill', ...process.argv.slice(2)];
if (run === 'kill') process.exitCode = await kill(rest);
else if (run === 'fuzz') process.exitCode = await fuzz(rest);
else {
  console.error(`no such run: ${run}; there are kill and fuzz`);
  process.exitCode = 2;
}

async function kill(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '20' },
      clients: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '60' },
      rate: { type: 'string', default: '400' },
    },
  });
  const result = await killRun({
    kills: Number(values.kills),
    clients: Number(values.clients),
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    log,
  });
  console.log(JSON.stringify(result, null, 2));
  return said(result.lost + result.doubled + result.reordered + result.gaps + result.different + result.failed);
}

async function fuzz(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      frames: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      attackers: { type: 'string', default: '16' },
      rate: { type: 'string', default: '40' },
      settle: { type: 'string', default: '200' },
    },
  });
  const result = await fuzzRun({
    frames: Number(values.frames),
    seed: Number(values.seed),
    attackers: Number(values.attackers),
    rate: Number(values.rate),
    settleMs: Number(values.settle) * 1_000,
    log,
  });
  console.log(JSON.stringify(result, null, 2));
  const { honest, book } = result;
  const broken = honest.lost + honest.doubled + honest.reordered + honest.gaps + honest.different + honest.failed;
  return said(broken + book.anomalies + result.crashes + (honest.sends - honest.acked));
}

function said(broken: number): number {
  console.log(broken === 0 ? 'the promise holds' : 'THE PROMISE BROKE');
  return broken === 0 ? 0 : 1;
}
