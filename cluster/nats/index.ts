// The door of the NATS drivers.

export { connectNatsCarrier, type NatsCarrierOptions } from './carrier.ts';
export type { NatsAuth, NatsConnectOptions, NatsTls } from './connect.ts';
