// The door of app/: a node composed, for benches and tests that start one in their own process.
export { type AuthFiles, type AuthFromConfig, authFromConfig, DEMO_KEY_PREFIX } from './auth.ts';
export { type Config, configSchema, type OptionDoc, optionDocs } from './config.ts';
export { type ConfigProblem, type ConfigSources, type LoadedConfig, loadConfig } from './config-load.ts';
export { startEmbeddedNode } from './embedded-node.ts';
export { createLog, type LogOptions } from './logging.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { type Node, type NodeOptions, startNode } from './node.ts';
export { type NodeHandle, type Server, type ServerOptions, type StartNode, startServer } from './server.ts';
