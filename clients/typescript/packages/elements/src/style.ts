/** The element's style. Every color is a custom property of its own, with a pair of defaults for light and dark. */
export const STYLE = `
:host {
  --_text: var(--ltlm-color-text, light-dark(#1a1f2b, #eceff5));
  --_muted: var(--ltlm-color-muted, light-dark(#565f70, #a9b2c3));
  --_surface: var(--ltlm-color-surface, light-dark(#ffffff, #14181f));
  --_card: var(--ltlm-color-card, light-dark(#f7f8fa, #1d222c));
  --_border: var(--ltlm-color-border, light-dark(#d9dee7, #343c4a));
  --_track: var(--ltlm-color-track, light-dark(#e3e7ee, #333b49));
  --_good: var(--ltlm-color-good, light-dark(#1a7f37, #4ac26b));
  --_warn: var(--ltlm-color-warn, light-dark(#b27c00, #d4a72c));
  --_low: var(--ltlm-color-low, light-dark(#c9252d, #ff7b78));
  --_accent: var(--ltlm-color-accent, light-dark(#2456c7, #8ab4ff));
  --_radius: var(--ltlm-radius, 10px);
  color-scheme: light dark;
  display: block;
  container-type: inline-size;
  color: var(--_text);
  background: var(--_surface);
  font: var(--ltlm-font, 400 0.9375rem/1.45 system-ui, sans-serif);
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
* { box-sizing: border-box; }
section { padding: var(--ltlm-padding, 1.25rem); }
header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; margin-block-end: 1rem; }
h2 { margin: 0; font-size: 1.125rem; font-weight: 650; letter-spacing: -0.01em; }
h3, p, dl, dd { margin: 0; }
button {
  font: inherit; font-weight: 550; color: var(--_accent); background: transparent; cursor: pointer;
  border: 1px solid var(--_border); border-radius: calc(var(--_radius) * 0.6);
  padding: 0.3rem 0.8rem; min-block-size: 2.25rem;
}
button:hover { background: var(--_card); }
button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
button[aria-disabled="true"] { color: var(--_muted); cursor: default; }
.sums { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.75rem; margin-block-end: 1rem; }
.sums > div, .card, .note { border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_card); padding: 0.85rem 1rem; }
dt { color: var(--_muted); font-size: 0.8125rem; }
dd { font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; }
ul { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(2, 1fr); gap: 0.75rem; }
.card { display: grid; gap: 0.5rem; }
.card.low { border-color: var(--_low); box-shadow: inset 0 0 0 1px var(--_low); }
.row { display: flex; align-items: baseline; justify-content: space-between; gap: 0.75rem; }
h3 { font-size: 0.9375rem; font-weight: 600; }
.badge {
  color: var(--_low); border: 1px solid currentColor; border-radius: 999px; padding: 0 0.5rem;
  font-size: 0.75rem; font-weight: 650; align-self: center;
}
.figure { font-weight: 650; font-variant-numeric: tabular-nums; color: var(--_good); }
.low .figure { color: var(--_low); }
.small { color: var(--_muted); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.track { block-size: 0.5rem; border-radius: 999px; background: var(--_track); overflow: hidden; }
.fill { block-size: 100%; border-radius: inherit; background: var(--_good); min-inline-size: 0; }
.warn .fill { background: var(--_warn); }
.low .fill { background: var(--_low); }
.note { display: grid; gap: 0.35rem; margin-block-end: 1rem; }
.note.alone { margin-block-end: 0; justify-items: start; }
.note.bad { border-color: var(--_low); }
.note strong { font-weight: 650; }
.note button { margin-block-start: 0.4rem; background: var(--_surface); }
::slotted(a) { color: var(--_accent); }
.skeleton { min-block-size: 4.5rem; }
.skeleton span { display: block; block-size: 0.75rem; border-radius: 6px; background: var(--_track); }
.skeleton span + span { inline-size: 45%; block-size: 1.1rem; margin-block-start: 0.6rem; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  .skeleton span { animation: pulse 1.4s ease-in-out infinite alternate; }
  .fill { transition: inline-size 0.4s ease-out; }
  @keyframes pulse { to { opacity: 0.45; } }
}
@media (forced-colors: active) {
  .fill { background: CanvasText; forced-color-adjust: none; }
  .track { border: 1px solid CanvasText; }
}
@container (max-inline-size: 30rem) {
  ul { grid-template-columns: 1fr; }
  .sums { gap: 0.5rem; }
  .sums > div { padding: 0.6rem 0.7rem; }
  dd { font-size: 1.2rem; }
}
`;
