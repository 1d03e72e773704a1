// The page: one recording in view, its pictures and tiers, and what the user does with them.
"use strict";

const get = (id) => document.getElementById(id);
const api = new Api(new URLSearchParams(location.search).get("token") || "");
const player = new Player(api);
const list = new List(choose);

const canvases = Object.fromEntries(
  ["overview", "ruler", "wave", "spectrogram", "tiers"].map((name) => [name, get(name)]));
const HEAD = 34; // height of the overview
const GRAB = 6; // pixels around a boundary
const BEFORE = 0.3; // seconds shown beside an utterance
const LONGEST_VIEW = 30; // seconds shown of one at first

let shown = null; // the recording, as the server has it, with tiers as objects
let pictures = null, outline = null; // of the stretch in view; of the whole
let utterance = null; // the one that was chosen
let view = { start: 0, end: 1 };
let selected = null; // {tier, index}
let side = "start"; // the boundary that keys move
let stretch = null; // [from, to] that was selected on the waveform
let at = 0; // where the waveform was clicked
let loop = false;
let past = [], future = []; // tiers before and after
let saving = null, unsaved = false;
let canAlign = false;

// ---------------------------------------------------------------- the recording

async function choose(row) {
  if (!row) return;
  await settle();
  player.stop();
  const other = !shown || shown.recording !== row.recording;
  try {
    if (other) await load(row.recording);
  } catch (error) {
    say(error.message);
    return;
  }
  if (list.chosen !== row.utterance) return; // another was chosen since
  utterance = shown.utterances.find((u) => u.utterance === row.utterance);
  get("stage").hidden = false;
  selected = null;
  stretch = null;
  fit();
  select(shown.tiers.findIndex(isOwn), Tiers.first(ownTier().intervals, utterance.start));
  describe();
  get("text").value = textNow();
}

async function load(recording) {
  const found = await api.json(`api/recording?id=${encodeURIComponent(recording)}`);
  found.tiers = Tiers.parse(found.tiers);
  shown = found;
  past = [];
  future = [];
  pictures = shown.sound.problem ? null : new Pictures(api, recording, redraw);
  outline = shown.sound.problem ? null : new Pictures(api, recording, redraw);
  hush();
  const told = shown.utterances.map((u) => u.reason); // below the title
  const problems = [shown.problem, shown.sound.problem].filter((p) => p && !told.includes(p));
  if (problems.length) say(problems.join(" · "));
}

const isOwn = (tier) => {
  const who = Edits.speaker(tier.name);
  return tier.name.endsWith("words") && (!who || who === (utterance.speaker || "unknown"));
};
const ownTier = () => shown.tiers.find(isOwn) || { intervals: [] };
const inUtterance = ({ start, end }) =>
  (start + end) / 2 >= utterance.start && (start + end) / 2 < utterance.end;
const textNow = () => ownTier().intervals.filter(inUtterance).map((i) => i.label).join(" ");

function describe() {
  get("title").textContent = utterance.utterance;
  get("badges").replaceChildren(...badges(utterance).childNodes);
  get("reason").textContent = utterance.reason || "";
  const frozen = shown.revision === null;
  for (const button of get("correct").querySelectorAll("button")) button.disabled = frozen;
  get("again").hidden = frozen || !canAlign;
  document.querySelector("[data-do=undo]").disabled = frozen || !past.length;
  document.querySelector("[data-do=redo]").disabled = frozen || !future.length;
  press("check", utterance.checked);
  inform();
  redraw();
}

function inform() {
  const interval = chosenInterval();
  if (!interval) {
    get("info").textContent = stretch
      ? `${stretch[0].toFixed(3)} to ${stretch[1].toFixed(3)} s: ${duration(stretch)}` : "";
    return;
  }
  const tier = shown.tiers[selected.tier];
  const known = interval.confidence === null ? "" : `, confidence ${interval.confidence.toFixed(2)}`;
  get("info").textContent =
    `${tier.name} ${selected.index + 1} of ${tier.intervals.length}: \u2068${interval.label}\u2069, ` +
    `${interval.start.toFixed(3)} to ${interval.end.toFixed(3)} s, ` +
    `${duration([interval.start, interval.end])}${known}${Tiers.certainty(interval)}; ` +
    `keys move its ${side}`;
}

const duration = ([from, to]) => `${Math.round(1000 * (to - from))} ms`;
const chosenInterval = () =>
  (selected && shown.tiers[selected.tier].intervals[selected.index]) || null;

// ---------------------------------------------------------------- messages

function say(message, conflict = false) {
  get("stage").hidden = false;
  get("message").textContent = message;
  get("theirs").hidden = get("mine").hidden = !conflict;
  get("banner").hidden = false;
}

function hush() {
  get("banner").hidden = true;
}

function press(name, on) {
  document.querySelector(`[data-do=${name}]`).setAttribute("aria-pressed", String(on));
}

// ---------------------------------------------------------------- corrections

/** Take over corrected tiers, and save them. */
function change(tiers) {
  if (tiers === shown.tiers) return;
  past.push(shown.tiers);
  future = [];
  shown.tiers = tiers;
  if (past.length > 500) past.shift();
  changed();
}

function changed() {
  if (!chosenInterval()) selected = null;
  get("text").value = textNow();
  describe();
  unsaved = true;
  save();
}

/** Do what may be refused, and say why it was. */
function attempt(action) {
  if (!shown || shown.revision === null) return;
  try {
    action();
  } catch (error) {
    say(error.message);
  }
}

function save() {
  if (!saving) saving = keepSaving().finally(() => { saving = null; });
  return saving;
}

/** Save until everything is; corrections that come meanwhile are saved together. */
async function keepSaving() {
  while (unsaved) {
    unsaved = false;
    get("saved").textContent = "saving …";
    const now = shown;
    const tiers = now.tiers.map(({ name, intervals }) => (
      { name, intervals: intervals.map((i) => [i.start, i.end, i.label]) }));
    try {
      const path = `api/recording?id=${encodeURIComponent(now.recording)}`;
      const answer = await api.send("PUT", path, { revision: now.revision, tiers });
      now.revision = answer.revision;
      mark(answer.utterances);
      get("saved").textContent = "saved";
    } catch (error) {
      get("saved").textContent = "not saved";
      say(error.message, error.status === 409);
      return;
    }
  }
}

/** Wait until what was corrected is saved. */
async function settle() {
  if (saving) await saving;
}

function mark(utterances) {
  list.update(utterances);
  for (const mark of utterances) {
    Object.assign(shown.utterances.find((u) => u.utterance === mark.utterance) || {}, mark);
  }
  if (utterance) describe();
}

async function resolveConflict(mine) {
  const { tiers } = shown, name = utterance.utterance;
  await load(shown.recording);
  utterance = shown.utterances.find((u) => u.utterance === name);
  get("saved").textContent = "";
  if (mine) change(tiers);
  else changedElsewhere();
}

function changedElsewhere() {
  if (!chosenInterval()) selected = null;
  get("text").value = textNow();
  describe();
}

function editLabel(fresh = null) {
  const box = get("label");
  const tier = fresh ? fresh.tier : selected.tier;
  const interval = fresh || chosenInterval();
  box.value = fresh ? "" : interval.label;
  const left = x(interval.start), right = x(interval.end), width = canvases.tiers.clientWidth;
  box.style.width = `${Math.max(90, Math.min(right - left, width))}px`;
  box.style.left = `${Math.max(0, Math.min(left, width - 90))}px`;
  box.style.top = `${canvases.tiers.offsetTop + tier * Tiers.ROW + 4}px`;
  box.hidden = false;
  box.focus();
  box.select();
  const close = (keep) => {
    if (box.hidden) return;
    const label = box.value;
    box.onblur = box.onkeydown = null;
    box.hidden = true;
    canvases.tiers.focus();
    if (!keep) return;
    attempt(() => {
      if (fresh) {
        change(Edits.add(shown.tiers, tier, fresh.start, fresh.end, label));
        select(tier, Tiers.first(shown.tiers[tier].intervals, fresh.start));
      } else if (label !== interval.label) {
        change(Edits.relabel(shown.tiers, tier, selected.index, label));
      }
    });
  };
  box.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.isComposing) close(true);
    if (event.key === "Escape") close(false);
  };
  box.onblur = () => close(true);
}

function nudge(event) {
  const interval = chosenInterval();
  if (!interval) return;
  const by = (event.ctrlKey ? 0.001 : 0.005) * (event.key === "ArrowLeft" ? -1 : 1);
  const time = interval[side];
  const moved = Edits.move(shown.tiers, selected.tier, time, time + by,
    { alone: event.shiftKey, duration: shown.duration });
  change(moved.tiers);
}

async function alignAgain(event) {
  event.preventDefault();
  hush();
  const button = get("again").querySelector("button");
  const now = shown, target = utterance;
  button.disabled = true;
  button.textContent = "Aligning …";
  try {
    const path = `api/align?id=${encodeURIComponent(target.utterance)}`;
    const rows = await api.send("POST", path, { text: get("text").value });
    if (shown !== now || utterance !== target) return;
    const who = Edits.speaker(ownTier().name || "words");
    change(Edits.replace(shown.tiers, target.start, target.end, who ? `${who} - ` : "", rows));
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
    button.textContent = "Align again";
  }
}

// ---------------------------------------------------------------- what keys and buttons do

const actions = {
  play() {
    if (player.playing) return player.stop();
    const interval = chosenInterval();
    const [from, to] = stretch || (interval ? [interval.start, interval.end] : [at, view.end]);
    return sound(from, to);
  },
  playView: () => (player.playing ? player.stop() : sound(view.start, view.end)),
  loop() {
    loop = !loop;
    press("loop", loop);
  },
  zoomIn: () => zoom(0.5),
  zoomOut: () => zoom(2),
  fit,
  doubtful() {
    const tier = shown.tiers.findIndex(isOwn);
    const from = selected && selected.tier === tier ? selected.index + 1 : 0;
    const index = ownTier().intervals.findIndex((interval, i) =>
      i >= from && inUtterance(interval) && interval.confidence !== null &&
      interval.confidence < Tiers.DOUBTFUL);
    if (index >= 0) select(tier, index, true);
    else actions.doubtfulUtterance();
  },
  doubtfulUtterance() {
    const doubtful = (row) => !row.checked && !row.edited && (row.status === "doubtful" ||
      (row.lowest_word_confidence !== null && row.lowest_word_confidence < Tiers.DOUBTFUL));
    if (!list.step(1, doubtful)) say("There is no doubtful utterance further down in the list.");
  },
  async check() {
    await settle();
    const path = `api/checked?id=${encodeURIComponent(utterance.utterance)}`;
    try {
      mark((await api.send("PUT", path, { checked: !utterance.checked })).utterances);
    } catch (error) {
      say(error.message);
    }
  },
  edit: () => attempt(() => { if (chosenInterval()) editLabel(); }),
  split: () => attempt(() => {
    if (chosenInterval()) change(Edits.split(shown.tiers, selected.tier, selected.index, at));
  }),
  merge: () => attempt(() => {
    if (chosenInterval()) change(Edits.merge(shown.tiers, selected.tier, selected.index));
  }),
  remove: (event) => attempt(() => {
    if (!chosenInterval()) return;
    const alone = Boolean(event && event.shiftKey);
    change(Edits.remove(shown.tiers, selected.tier, selected.index, { alone }));
  }),
  add: () => attempt(() => {
    const tier = selected ? selected.tier : shown.tiers.findIndex(isOwn);
    if (!stretch) throw new Error("Select a stretch on the waveform first.");
    editLabel({ tier, start: stretch[0], end: stretch[1] });
  }),
  undo: () => attempt(() => travel(past, future)),
  redo: () => attempt(() => travel(future, past)),
};

function travel(from, to) {
  if (!from.length) return;
  to.push(shown.tiers);
  shown.tiers = from.pop();
  changed();
}

const keys = {
  " ": actions.play, v: actions.playView, l: actions.loop, "+": actions.zoomIn,
  "=": actions.zoomIn, "-": actions.zoomOut, 0: fit, d: actions.doubtful,
  D: actions.doubtfulUtterance, c: actions.check, s: actions.split, m: actions.merge,
  a: actions.add, Delete: actions.remove, Backspace: actions.remove, Enter: actions.edit,
  F2: actions.edit, j: () => list.step(1), k: () => list.step(-1),
  "?": () => get("keys").showModal(),
  "[": () => { side = "start"; inform(); },
  "]": () => { side = "end"; inform(); },
  ArrowLeft: () => walk(-1), ArrowRight: () => walk(1),
  ArrowUp: () => climb(-1), ArrowDown: () => climb(1),
  PageUp: () => scroll(-0.8), PageDown: () => scroll(0.8),
};

document.addEventListener("keydown", (event) => {
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || get("keys").open) return;
  if (event.target.tagName === "BUTTON" && /^( |Enter)$/.test(event.key)) return;
  if (!shown && !/^[jk?]$/.test(event.key)) return;
  const arrows = /^Arrow(Left|Right)$/.test(event.key);
  if (event.altKey && arrows) {
    event.preventDefault();
    attempt(() => nudge(event));
    return;
  }
  if (event.ctrlKey || event.metaKey) {
    const undo = event.key === "z" && !event.shiftKey;
    if (undo || event.key === "y" || event.key.toLowerCase() === "z") {
      event.preventDefault();
      (undo ? actions.undo : actions.redo)();
    }
    return;
  }
  const action = keys[event.key];
  if (!action || event.altKey) return;
  event.preventDefault();
  action(event);
});

function select(tier, index, reveal = false) {
  if (!shown.tiers[tier] || !shown.tiers[tier].intervals[index]) return;
  selected = { tier, index };
  stretch = null;
  const { start, end } = chosenInterval();
  at = start;
  if (reveal && (start < view.start || end > view.end)) {
    const half = (view.end - view.start) / 2;
    show((start + end) / 2 - half, (start + end) / 2 + half);
  }
  inform();
  redraw();
}

function walk(by) {
  if (selected) select(selected.tier, selected.index + by, true);
  else select(shown.tiers.findIndex(isOwn), Tiers.first(ownTier().intervals, view.start), true);
}

/** Select what another tier has at the middle of the selected interval. */
function climb(by) {
  const interval = chosenInterval();
  if (!interval) return walk(1);
  const tier = selected.tier + by;
  if (!shown.tiers[tier]) return undefined;
  const found = shown.tiers[tier].intervals;
  const middle = (interval.start + interval.end) / 2;
  return select(tier, Math.min(found.length - 1, Tiers.first(found, middle)), true);
}

function sound(from, to) {
  if (shown.sound.problem) return say(shown.sound.problem);
  return player.play(shown.recording, shown.sound.rate, from, to, loop)
    .then(follow, (error) => say(error.message));
}

// ---------------------------------------------------------------- what is in view

const x = (time) =>
  ((time - view.start) / (view.end - view.start)) * canvases.tiers.clientWidth;
const timeAt = (pixels) =>
  view.start + (pixels / canvases.tiers.clientWidth) * (view.end - view.start);

function show(start, end) {
  const length = Math.min(Math.max(end - start, 0.02), shown.duration);
  const begin = Math.max(0, Math.min(start, shown.duration - length));
  view = { start: begin, end: begin + length };
  redraw();
}

function fit() {
  show(Math.max(0, utterance.start - BEFORE), Math.min(
    shown.duration, utterance.end + BEFORE, utterance.start + LONGEST_VIEW));
}

function zoom(by, around = null) {
  const interval = chosenInterval();
  const middle = interval ? (interval.start + interval.end) / 2 : (view.start + view.end) / 2;
  const inside = middle > view.start && middle < view.end;
  const centre = around ?? (inside ? middle : (view.start + view.end) / 2);
  show(centre - (centre - view.start) * by, centre + (view.end - centre) * by);
}

const scroll = (by) => {
  const length = view.end - view.start;
  show(view.start + by * length, view.end + by * length);
};

let waiting = false;
function redraw() {
  if (waiting || !shown) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  canvases.tiers.style.height = `${Math.max(1, shown.tiers.length) * Tiers.ROW}px`;
  drawOverview();
  drawRuler();
  drawWave();
  drawSpectrogram();
  Tiers.draw(canvases.tiers, shown.tiers, view, selected);
  drawMarks();
  document.documentElement.dataset.drawn = "yes";
}

function drawPeaks(canvas, source, start, end, colour) {
  const { context, width, height } = Tiers.fit(canvas);
  const found = source && source.peaks(start, end, width);
  if (!found) return { context, width, height };
  const count = found.values.length / 2;
  const perPeak = (found.end - found.start) / count;
  const scale = width / (end - start);
  const gain = (height / 2 - 1) / Math.max(13, found.loudest); // at most ten times
  context.fillStyle = colour;
  const from = Math.max(0, Math.floor((start - found.start) / perPeak));
  const to = Math.min(count, Math.ceil((end - found.start) / perPeak));
  const wide = Math.max(1, perPeak * scale);
  for (let i = from; i < to; i++) {
    const low = found.values[2 * i], high = found.values[2 * i + 1];
    const top = height / 2 - high * gain;
    const tall = Math.max(1, (high - low) * gain);
    context.fillRect((found.start + i * perPeak - start) * scale, top, wide, tall);
  }
  return { context, width, height };
}

function drawOverview() {
  const colour = Tiers.colours(canvases.overview);
  const { context, width, height } = drawPeaks(
    canvases.overview, outline, 0, shown.duration, colour.faint);
  const scale = width / shown.duration;
  context.globalAlpha = 0.35;
  context.fillStyle = colour.accent;
  const wide = Math.max(3, (view.end - view.start) * scale);
  context.fillRect(view.start * scale, 0, wide, height);
  context.globalAlpha = 1;
}

function drawRuler() {
  const { context, width, height } = Tiers.fit(canvases.ruler);
  const colour = Tiers.colours(canvases.ruler);
  const length = view.end - view.start;
  const steps = [0.001, 0.002, 0.005];
  for (let i = 3; i < 18; i++) steps.push(steps[i - 3] * 10);
  const step = [...steps.filter((s) => s < 60), 60, 120, 300, 600, 1200, 3600]
    .find((s) => (s / length) * width >= 70) || 3600;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.textAlign = "left";
  for (let n = Math.floor(view.start / step); n * step <= view.end; n++) {
    const place = x(n * step);
    context.fillStyle = colour.line;
    context.fillRect(place, height - 8, 1, 8);
    for (let part = 1; part < 5; part++) {
      context.fillRect(place + (part * step * width) / length / 5, height - 4, 1, 4);
    }
    context.fillStyle = colour.faint;
    context.fillText(clock(n * step, step), place + 3, 3);
  }
}

/** Write a time as the ruler shows it: 1.25, or 1:02:03.5 in longer recordings. */
function clock(time, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (shown.duration < 60) return time.toFixed(digits);
  const rounded = Number(time.toFixed(digits));
  const hours = Math.floor(rounded / 3600), minutes = Math.floor((rounded % 3600) / 60);
  const seconds = (rounded % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}

function drawWave() {
  const colour = Tiers.colours(canvases.wave);
  const { context, height } = drawPeaks(
    canvases.wave, pictures, view.start, view.end, colour.sound);
  drawEdges(context, height, colour.accent);
}

function drawSpectrogram() {
  const { context, width, height } = Tiers.fit(canvases.spectrogram);
  if (!pictures) return;
  for (const { start, end, image } of pictures.spectrogram(view.start, view.end, width)) {
    context.drawImage(image, x(start), 0, x(end) - x(start), height);
  }
  // The canvas is inverted where the page is dark: so are these.
  drawEdges(context, height, "#0b63b6");
  context.font = "10px system-ui, sans-serif";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 38, 13);
  context.fillStyle = "#444";
  context.textBaseline = "top";
  context.fillText(`${shown.sound.top / 1000} kHz`, 3, 2);
}

/** Draw the edges of the words of the utterance over a picture. */
function drawEdges(context, height, colour) {
  context.fillStyle = colour;
  context.globalAlpha = 0.55;
  const { intervals } = ownTier();
  for (let i = Tiers.first(intervals, view.start); i < intervals.length; i++) {
    if (intervals[i].start > view.end) break;
    for (const time of [intervals[i].start, intervals[i].end]) {
      context.fillRect(x(time) - 0.5, 0, 1, height);
    }
  }
  context.globalAlpha = 1;
}

function drawMarks() {
  const position = player.position;
  place(get("cursor"), position ?? at, null);
  const interval = chosenInterval();
  const marked = stretch || (interval && [interval.start, interval.end]);
  if (marked) place(get("range"), ...marked);
  else get("range").hidden = true;
}

function place(element, from, to) {
  const left = Math.max(0, x(from));
  const right = Math.min(canvases.tiers.clientWidth, to === null ? x(from) + 1 : x(to));
  element.hidden = right <= 0 || left >= canvases.tiers.clientWidth || right <= left;
  element.style.left = `${left}px`;
  if (to !== null) element.style.width = `${right - left}px`;
}

/** Move the cursor, and the view with it, as long as something plays. */
function follow() {
  const position = player.position;
  if (player.playing) requestAnimationFrame(follow);
  if (position !== null && (position > view.end || position < view.start)) {
    show(position, position + view.end - view.start);
  }
  drawMarks();
}
player.onEnd = () => { if (shown) drawMarks(); };

// ---------------------------------------------------------------- the mouse

/** Return the boundary near a place of the tiers: {tier, time}. */
function boundaryAt(event) {
  const { offsetX, offsetY } = event;
  const tier = Math.floor(offsetY / Tiers.ROW);
  if (!shown || !shown.tiers[tier] || shown.revision === null) return null;
  const { intervals } = shown.tiers[tier];
  let best = null, distance = GRAB;
  const last = timeAt(offsetX + GRAB);
  for (let i = Tiers.first(intervals, timeAt(offsetX - GRAB)); i < intervals.length; i++) {
    if (intervals[i].start > last) break;
    for (const time of [intervals[i].start, intervals[i].end]) {
      if (Math.abs(x(time) - offsetX) <= distance) {
        distance = Math.abs(x(time) - offsetX);
        best = { tier, time };
      }
    }
  }
  return best;
}

canvases.tiers.addEventListener("pointermove", (event) => {
  if (!event.buttons) canvases.tiers.style.cursor = boundaryAt(event) ? "ew-resize" : "pointer";
});

canvases.tiers.addEventListener("pointerdown", (event) => {
  if (event.button || !shown) return;
  const boundary = boundaryAt(event);
  if (boundary) {
    dragBoundary(event, boundary);
    return;
  }
  const found = Tiers.at(
    shown.tiers, view, canvases.tiers.clientWidth, event.offsetX, event.offsetY);
  if (!found) return;
  if (found.index < 0) {
    at = found.time;
    selected = null;
    inform();
    redraw();
    return;
  }
  select(found.tier, found.index);
  const { start, end } = chosenInterval();
  if (event.detail < 2) sound(start, end);
});

canvases.tiers.addEventListener("dblclick", (event) => {
  player.stop();
  if (!boundaryAt(event)) actions.edit();
});

function dragBoundary(event, { tier, time }) {
  const before = shown.tiers, from = event.offsetX;
  let moved = { tiers: before, time };
  canvases.tiers.setPointerCapture(event.pointerId);
  const drag = (now) => {
    const to = time + timeAt(now.offsetX) - timeAt(from);
    moved = Edits.move(before, tier, time, to, { alone: now.shiftKey, duration: shown.duration });
    shown.tiers = moved.tiers;
    get("info").textContent = `${moved.time.toFixed(3)} s, ` +
      `moved by ${Math.round(1000 * (moved.time - time))} ms`;
    redraw();
  };
  const drop = () => {
    canvases.tiers.removeEventListener("pointermove", drag);
    canvases.tiers.removeEventListener("pointerup", drop);
    canvases.tiers.removeEventListener("pointercancel", drop);
    shown.tiers = before;
    if (moved.time !== time) change(moved.tiers);
  };
  canvases.tiers.addEventListener("pointermove", drag);
  canvases.tiers.addEventListener("pointerup", drop);
  canvases.tiers.addEventListener("pointercancel", drop);
}

for (const canvas of [canvases.wave, canvases.spectrogram]) {
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !shown) return;
    const from = timeAt(event.offsetX);
    canvas.setPointerCapture(event.pointerId);
    at = from;
    stretch = null;
    const drag = (now) => {
      const to = Math.min(Math.max(timeAt(now.offsetX), 0), shown.duration);
      stretch = Math.abs(x(to) - x(from)) < 3 ? null : [Math.min(from, to), Math.max(from, to)];
      inform();
      drawMarks();
    };
    canvas.addEventListener("pointermove", drag);
    canvas.addEventListener("pointerup", () => {
      canvas.removeEventListener("pointermove", drag);
      canvases.tiers.focus();
      if (stretch) {
        [at] = stretch;
        const tier = selected ? selected.tier : shown.tiers.findIndex(isOwn);
        selected = { tier, index: -1 }; // where a new interval would go
      }
      inform();
      redraw();
    }, { once: true });
  });
}

canvases.overview.addEventListener("pointerdown", (event) => {
  canvases.overview.setPointerCapture(event.pointerId);
  const go = (now) => {
    const middle = (now.offsetX / canvases.overview.clientWidth) * shown.duration;
    const half = (view.end - view.start) / 2;
    show(middle - half, middle + half);
  };
  go(event);
  canvases.overview.addEventListener("pointermove", go);
  canvases.overview.addEventListener("pointerup", () => {
    canvases.overview.removeEventListener("pointermove", go);
  }, { once: true });
});

get("pictures").addEventListener("wheel", (event) => {
  if (!shown) return;
  if (event.ctrlKey) {
    event.preventDefault();
    const left = get("pictures").getBoundingClientRect().left;
    zoom(1.002 ** event.deltaY, timeAt(event.clientX - left));
  } else if (event.deltaX || event.shiftKey) {
    event.preventDefault();
    scroll((event.deltaX || event.deltaY) / canvases.tiers.clientWidth);
  } else if (event.deltaY) {
    event.preventDefault();
    scroll(event.deltaY / canvases.tiers.clientWidth);
  }
}, { passive: false });

// ---------------------------------------------------------------- begin

for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", (event) => {
    if (shown) actions[button.dataset.do](event);
  });
}
get("help").addEventListener("click", () => get("keys").showModal());
get("again").addEventListener("submit", alignAgain);
get("theirs").addEventListener("click", () => resolveConflict(false));
get("mine").addEventListener("click", () => resolveConflict(true));
get("dismiss").addEventListener("click", hush);
new ResizeObserver(redraw).observe(get("pictures"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("beforeunload", (event) => {
  if (saving) event.preventDefault();
});

api.json("api/utterances").then((table) => {
  get("folder").textContent = table.folder;
  document.title = `${table.folder} – speechalign view`;
  canAlign = table.can_align;
  list.show(table);
  list.step(1);
}, (error) => say(error.message));
