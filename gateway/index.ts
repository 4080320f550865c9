// The door of gateway/: sockets and HTTP, tokens, and the measure of pressure.
export { type AuthOptions, createTokenVerifier, type IssueOptions, issueToken, TokenKeysUnavailable } from './auth.ts';
export { ALGORITHMS, type Algorithm, type KeySpec, SECRET_BYTES_MIN } from './auth-keys.ts';
export * from './gateway.ts';
export { CONNECT_PATH } from './handshake.ts';
export {
  type Health,
  type HttpAnswer,
  type HttpQuestion,
  type HttpRoute,
  json,
  type MetricsSource,
  text,
} from './http.ts';
export { DEFAULT_THRESHOLDS, type PressureSample, type PressureThresholds } from './pressure.ts';
export { type PressureMonitor, startPressureMonitor } from './pressure-monitor.ts';
