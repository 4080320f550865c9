// `npm run chaos -- [--kills 20] [--clients 50] [--seconds 60] [--rate 400]`: the kill run, its counts printed; exit 1 when the promise broke.
import { parseArgs } from 'node:util';
import { killRun } from './kill.ts';

const { values } = parseArgs({
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
  log: (line) => console.log(line),
});
console.log(JSON.stringify(result, null, 2));
const broken = result.lost + result.doubled + result.reordered + result.gaps + result.different + result.failed;
console.log(broken === 0 ? 'the promise holds' : 'THE PROMISE BROKE');
process.exitCode = broken === 0 ? 0 : 1;
