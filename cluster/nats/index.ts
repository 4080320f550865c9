// The door of the cluster's drivers on NATS: mail on core NATS, what is agreed on JetStream's key-value buckets.
export { connectNatsCarrier, type NatsCarrierOptions } from './carrier.ts';
export { connectNats, type NatsAuth, type NatsConnectOptions, type NatsTls } from './connect.ts';
export { connectNatsCoordination, type NatsCoordinationOptions } from './coordination.ts';
