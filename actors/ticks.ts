// The mail of each kind of timer, made once: a timer that waits for half a minute, one for every idle socket, holds no object of its own.
const tick = <What extends string>(what: What): { readonly t: 'tick'; readonly what: What } =>
  Object.freeze({ t: 'tick', what });

export const TICK = {
  attach: tick('attach'),
  counts: tick('counts'),
  deadline: tick('deadline'),
  evict: tick('evict'),
  flush: tick('flush'),
  idle: tick('idle'),
  late: tick('late'),
  leave: tick('leave'),
  load: tick('load'),
  moment: tick('moment'),
  presence: tick('presence'),
  repeat: tick('repeat'),
  signIn: tick('signIn'),
  silence: tick('silence'),
  watch: tick('watch'),
} as const;
