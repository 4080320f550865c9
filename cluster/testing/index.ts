// The door for simulations of the whole.
export { MODELS, type ModelName } from './models.ts';
