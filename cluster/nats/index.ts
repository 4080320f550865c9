// The door of the cluster's drivers on NATS.
export { connectNats, type NatsAuth, type NatsConnectOptions, type NatsTls } from './connect.ts';
export { connectNatsCoordination, type NatsCoordinationOptions } from './coordination.ts';
