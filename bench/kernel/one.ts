// One row of one JavaScript system, in a process of its own: `one.js SYSTEM ROW COUNT`. Prints the figure.
import { nact } from './nact.ts';
import { parley } from './parley.ts';
import type { RowName } from './rows.ts';

const [system, row, count] = process.argv.slice(2);
const benches = system === 'nact' ? nact : parley;
const figure = await benches[row as RowName](Number(count));
process.stdout.write(`${figure}\n`);
process.exit(0);
