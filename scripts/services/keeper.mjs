// Started by run.mjs: waits for its owner to end or to say that it is done, then ends what runs in the folder and removes it.
import { clear } from './run.mjs';
import { sleep } from './waiting.mjs';

/** A worker of a dead owner may be about to start a server; a second look finds it. */
const SECOND_LOOK_MS = 2_000;

const [folder] = process.argv.slice(2);
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
let done = false;
process.stdin
  .on('data', () => {
    // The owner says that it has ended everything itself.
    done = true;
  })
  .on('end', sweep)
  .on('error', sweep);

async function sweep() {
  if (done) process.exit(0);
  await clear(folder);
  await sleep(SECOND_LOOK_MS);
  await clear(folder);
  process.exit(0);
}
