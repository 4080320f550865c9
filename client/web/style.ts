// How the page looks. A string, so that dist/ is whole after tsc alone; main.ts makes a style sheet of it.

export const STYLE = /* css */ `
:root {
  color-scheme: light dark;
  --page: light-dark(#f0f2f1, #0e1312);
  --panel: light-dark(#ffffff, #161d1b);
  --raised: light-dark(#f4f7f6, #1f2825);
  --line: light-dark(#dfe5e2, #2a3431);
  --ink: light-dark(#16201d, #e6ecea);
  --soft: light-dark(#5c6b66, #93a39d);
  --accent: light-dark(#0b7a5f, #35b892);
  --on-accent: light-dark(#ffffff, #06211a);
  --own: light-dark(#d5f2e3, #12483a);
  --theirs: light-dark(#ffffff, #202a27);
  --log: light-dark(#e9eeea, #101715);
  --read: light-dark(#0a73c9, #59b7f7);
  --warn: light-dark(#fff1cf, #4a3a10);
  --on-warn: light-dark(#5b4300, #ffe3a1);
  --danger: light-dark(#b3261e, #ff8a80);
  font: 15px/1.4 system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif;
}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--page); color: var(--ink); }
h1, h2, p, ul { margin: 0; padding: 0; }
h1, h2 { font-size: 1rem; font-weight: 600; }
ul { list-style: none; }
button, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); padding: .45rem .8rem; }
button:disabled { opacity: .5; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button.danger { color: var(--danger); background: none; border-color: currentColor; }
button.danger.asked { background: var(--danger); color: var(--panel); }
input, textarea { width: 100%; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); padding: .5rem .7rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.icon { display: inline-grid; place-items: center; width: 2.4rem; height: 2.4rem; padding: 0; border: 0; border-radius: 50%; background: none; color: var(--soft); flex: none; }
.icon:hover { background: var(--raised); color: var(--ink); }
.shape { width: 1.3rem; height: 1.3rem; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round; }
.small, .about { color: var(--soft); font-size: .82rem; }
.typing { color: var(--accent) !important; font-style: italic; }
.problem { color: var(--danger); font-size: .87rem; }
.problem:empty { display: none; }
.fatal { margin: auto; max-width: 30rem; padding: 2rem; text-align: center; }

.bar { flex: none; padding: .4rem 1rem; text-align: center; font-size: .87rem; background: var(--warn); color: var(--on-warn); }
.bar[data-state='stopped'] { background: var(--danger); color: var(--panel); }
.app { flex: 1; min-height: 0; display: grid; grid-template-columns: minmax(15rem, 21rem) minmax(0, 1fr) auto; width: 100%; }
header { display: flex; align-items: center; gap: .7rem; flex: none; height: 3.7rem; padding: 0 .8rem; background: var(--panel); border-bottom: 1px solid var(--line); }
.titles { flex: 1; min-width: 0; }
.titles > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.avatar { position: relative; flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: 50%; font-weight: 600; background: light-dark(hsl(var(--hue) 55% 84%), hsl(var(--hue) 32% 30%)); color: light-dark(hsl(var(--hue) 60% 25%), hsl(var(--hue) 65% 86%)); }
.dot { position: absolute; right: 0; bottom: 0; width: .75rem; height: .75rem; border-radius: 50%; background: #23b26d; border: 2px solid var(--panel); }

.side { display: flex; flex-direction: column; min-height: 0; background: var(--panel); border-right: 1px solid var(--line); }
nav { flex: 1; overflow-y: auto; padding: .35rem; }
.row { display: grid; grid-template: 'sign name when' auto 'sign line badge' auto / auto minmax(0, 1fr) auto; align-items: center; column-gap: .7rem; width: 100%; padding: .55rem .6rem; border: 0; background: none; text-align: start; border-radius: 10px; }
.row:hover { background: var(--raised); }
.row[aria-current] { background: color-mix(in srgb, var(--accent) 14%, var(--panel)); }
.row .avatar { grid-area: sign; }
.row .name { grid-area: name; font-weight: 600; }
.row .when { grid-area: when; color: var(--soft); font-size: .78rem; }
.row .line { grid-area: line; color: var(--soft); font-size: .88rem; min-height: 1.25rem; }
.row .name, .row .line { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: left; }
.badge { grid-area: badge; justify-self: end; min-width: 1.35rem; padding: .05rem .4rem; border-radius: 1rem; background: var(--accent); color: var(--on-accent); font-size: .76rem; font-weight: 600; text-align: center; }
.empty, .nothing { color: var(--soft); padding: 2rem 1rem; text-align: center; }

main { min-width: 0; min-height: 0; display: flex; flex-direction: column; background: var(--log); }
.nothing { margin: auto; }
.chat { position: relative; flex: 1; min-height: 0; display: flex; flex-direction: column; }
.back { display: none; }
.log { flex: 1; min-height: 0; overflow-y: auto; overflow-anchor: none; overscroll-behavior: contain; padding: .8rem max(1rem, calc(50% - 26rem)); display: flex; flex-direction: column; }
.log:focus-visible { outline-offset: -2px; }
.log > :first-child { margin-top: auto; }
.day { position: sticky; top: 0; z-index: 1; text-align: center; padding: .6rem 0 .3rem; }
.day span, .change span { display: inline-block; padding: .15rem .7rem; border-radius: 1rem; font-size: .78rem; color: var(--soft); background: var(--panel); box-shadow: 0 1px 1px rgb(0 0 0 / .08); }
.change { text-align: center; padding: .25rem 0; }
.message { display: flex; margin-top: .55rem; }
.message.follows { margin-top: .15rem; }
.message.own { justify-content: flex-end; }
.bubble { position: relative; max-width: min(80%, 34rem); padding: .4rem .65rem .3rem; border-radius: 12px; background: var(--theirs); box-shadow: 0 1px 1px rgb(0 0 0 / .09); }
.own .bubble { background: var(--own); }
.own:not(.follows) .bubble { border-start-end-radius: 3px; }
.theirs:not(.follows) .bubble { border-start-start-radius: 3px; }
.sender { display: block; font-size: .82rem; font-weight: 600; color: light-dark(hsl(var(--hue) 65% 32%), hsl(var(--hue) 60% 72%)); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.gone { font-style: italic; color: var(--soft); }
.bubble .about { display: flex; justify-content: flex-end; align-items: center; gap: .25rem; margin-top: .05rem; font-size: .72rem; line-height: 1.1; white-space: nowrap; }
.tick { display: inline-flex; align-items: center; gap: .2rem; }
.tick .shape { width: 1.05rem; height: 1.05rem; stroke-width: 2.2; }
.tick.queued .shape { width: .9rem; height: .9rem; }
.tick.read { color: var(--read); }
.tick.failed { color: var(--danger); }
.reactions { display: block; font-size: .8rem; }
.fault { display: block; font-size: .78rem; color: var(--danger); }
.jump { position: absolute; right: 1.2rem; bottom: 4.6rem; z-index: 2; border-radius: 2rem; background: var(--panel); box-shadow: 0 2px 8px rgb(0 0 0 / .2); }
.composer { flex: none; display: flex; align-items: flex-end; gap: .5rem; padding: .6rem max(.8rem, calc(50% - 26rem)); background: var(--panel); border-top: 1px solid var(--line); }
.composer textarea { field-sizing: content; min-height: 2.5rem; max-height: 9rem; resize: none; border-radius: 1.25rem; padding: .5rem .95rem; }
.composer textarea:focus-visible { outline: none; border-color: var(--accent); }
.send, .send:hover { background: var(--accent); color: var(--on-accent); width: 2.5rem; height: 2.5rem; }

.members { width: 18rem; background: var(--panel); border-left: 1px solid var(--line); overflow-y: auto; display: flex; flex-direction: column; gap: .7rem; padding-bottom: 1rem; }
.members header h2 { flex: 1; }
.members form { display: flex; gap: .5rem; padding: 0 .8rem; }
.members form button { flex: none; }
.members li { display: grid; grid-template: 'sign name role remove' auto 'sign line line remove' auto / auto minmax(0, 1fr) auto auto; align-items: center; column-gap: .7rem; padding: .4rem .8rem; }
.members li .avatar { grid-area: sign; }
.members li .name { grid-area: name; font-weight: 500; overflow: hidden; text-overflow: ellipsis; }
.members li .role { grid-area: role; font-size: .75rem; color: var(--accent); }
.members li .line { grid-area: line; font-size: .8rem; color: var(--soft); }
.members li .icon { grid-area: remove; }
.members > .danger { margin: 0 .8rem; }

.notices { position: fixed; left: 50%; bottom: 5rem; transform: translateX(-50%); display: grid; gap: .5rem; z-index: 5; width: max-content; max-width: 90vw; }
.notices p { padding: .55rem 1rem; border-radius: 10px; background: var(--ink); color: var(--panel); box-shadow: 0 3px 12px rgb(0 0 0 / .3); }
dialog { border: 1px solid var(--line); border-radius: 14px; background: var(--panel); color: var(--ink); padding: 1.3rem; width: min(24rem, 92vw); box-shadow: 0 12px 40px rgb(0 0 0 / .35); }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog form { display: grid; gap: .9rem; }
dialog label { display: grid; gap: .3rem; font-size: .87rem; color: var(--soft); }
dialog input { color: var(--ink); font-size: 1rem; }
.actions { display: flex; justify-content: flex-end; gap: .6rem; }

.sign-in { margin: auto; width: min(24rem, 92vw); min-height: auto; padding: 2rem; border-radius: 16px; display: grid; gap: 1rem; background: var(--panel); border: 1px solid var(--line); }
.sign-in h1 { font-size: 1.7rem; color: var(--accent); }
.sign-in form { display: grid; grid-template-columns: 1fr auto; gap: .6rem; }
.sign-in .problem { grid-column: 1 / -1; }
.chips { display: flex; flex-wrap: wrap; gap: .5rem; }
.chip { padding: .3rem .9rem; border-radius: 2rem; background: var(--raised); border: 1px solid var(--line); color: inherit; text-decoration: none; }

@media (max-width: 60rem) {
  .members { position: fixed; inset: 0 0 0 auto; width: min(20rem, 100vw); z-index: 4; box-shadow: 0 0 30px rgb(0 0 0 / .35); }
}
@media (max-width: 44rem) {
  .app { grid-template-columns: minmax(0, 1fr); }
  .app.in-chat .side, .app:not(.in-chat) main { display: none; }
  .side { border: 0; }
  .back { display: inline-grid; margin-left: -.4rem; }
  .log { padding-inline: .7rem; }
  input, textarea { font-size: 16px; }
}
`;
