// Loaded into the node under test with `--import`: SIGUSR2 collects all garbage, so that what is measured then is what is held. Test code.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => {
  collect();
  collect();
});
