// The names of consistency in our options, as the driver's numbers.
import { types } from 'cassandra-driver';
import type { CqlOptions } from './options.ts';

export interface Consistencies {
  readonly consistency: types.consistencies;
  readonly serialConsistency: types.consistencies;
}

export function consistenciesOf(name: CqlOptions['consistency']): Consistencies {
  const { localQuorum, localSerial, quorum, serial } = types.consistencies;
  return name === 'quorum'
    ? { consistency: quorum, serialConsistency: serial }
    : { consistency: localQuorum, serialConsistency: localSerial };
}
