// Corrections of tiers. Every function takes tiers and returns new ones, and throws an Error with a
// message for the user where that cannot be done. Tiers that did not change are shared.
"use strict";

const Edits = (() => {
  const SHORTEST = 0.001; // seconds
  const SAME = 1e-4;

  const near = (a, b) => Math.abs(a - b) < SAME;

  function speaker(name) {
    const at = name.lastIndexOf(" - ");
    return at < 0 ? "" : name.slice(0, at);
  }

  /** Return the numbers of the tiers that a change of one concerns: those of its speaker. */
  function linked(tiers, number) {
    const who = speaker(tiers[number].name);
    return tiers.map((_, i) => i).filter((i) => speaker(tiers[i].name) === who);
  }

  function withTier(tiers, number, intervals) {
    return tiers.map((tier, i) => (i === number ? { ...tier, intervals } : tier));
  }

  /** Return between which times a boundary of one tier may move; null where it has none there. */
  function room(intervals, time) {
    let low = 0, high = Infinity, found = false;
    intervals.forEach((interval, i) => {
      if (near(interval.end, time)) {
        found = true;
        low = Math.max(low, interval.start + SHORTEST);
        const next = intervals[i + 1];
        if (next && !near(next.start, time)) high = Math.min(high, next.start);
      }
      if (near(interval.start, time)) {
        found = true;
        high = Math.min(high, interval.end - SHORTEST);
        const before = intervals[i - 1];
        if (before && !near(before.end, time)) low = Math.max(low, before.end);
      }
    });
    return found ? { low, high } : null;
  }

  /** Move a boundary, and those at the same time in the other tiers of the speaker unless alone. */
  function move(tiers, number, time, to, { alone = false, duration = Infinity } = {}) {
    const rooms = (alone ? [number] : linked(tiers, number))
      .map((i) => [i, room(tiers[i].intervals, time)])
      .filter(([, found]) => found);
    const low = Math.max(0, ...rooms.map(([, found]) => found.low));
    const high = Math.min(duration, ...rooms.map(([, found]) => found.high));
    if (low > high) return { tiers, time };
    const place = Math.min(high, Math.max(low, to));
    let moved = tiers;
    for (const [i] of rooms) {
      const intervals = tiers[i].intervals.map((interval) => {
        const own = { ...interval };
        // The margins are those of the bound that the aligner set.
        if (near(interval.start, time)) Object.assign(own, { start: place, startMargins: null });
        if (near(interval.end, time)) Object.assign(own, { end: place, endMargins: null });
        return own.start === interval.start && own.end === interval.end ? interval : own;
      });
      moved = withTier(moved, i, intervals);
    }
    return { tiers: moved, time: place };
  }

  function relabel(tiers, number, index, label) {
    const text = label.trim();
    if (!text) throw new Error("An empty label is a pause: delete the interval instead.");
    const intervals = tiers[number].intervals.slice();
    intervals[index] = { ...intervals[index], label: text, confidence: null };
    return withTier(tiers, number, intervals);
  }

  function split(tiers, number, index, time) {
    const intervals = tiers[number].intervals.slice();
    const { start, end, label } = intervals[index];
    if (time < start + SHORTEST || time > end - SHORTEST) {
      throw new Error("To split an interval, click inside it on the waveform first.");
    }
    const words = label.split(/\s+/);
    const half = Math.ceil(words.length / 2);
    const both = words.length > 1 ? [words.slice(0, half), words.slice(half)] : [words, words];
    intervals.splice(index, 1,
      { start, end: time, label: both[0].join(" "), confidence: null },
      { start: time, end, label: both[1].join(" "), confidence: null });
    return withTier(tiers, number, intervals);
  }

  function merge(tiers, number, index) {
    const intervals = tiers[number].intervals.slice();
    const next = intervals[index + 1];
    if (!next) throw new Error("There is no interval behind this one to merge it with.");
    const { start, label } = intervals[index];
    const merged = { start, end: next.end, label: `${label} ${next.label}`, confidence: null };
    intervals.splice(index, 2, merged);
    return withTier(tiers, number, intervals);
  }

  /** Delete an interval, and those inside it in the tiers of the speaker that follow. */
  function remove(tiers, number, index, { alone = false } = {}) {
    const { start, end } = tiers[number].intervals[index];
    let left = withTier(tiers, number, tiers[number].intervals.filter((_, i) => i !== index));
    if (alone) return left;
    for (const i of linked(tiers, number)) {
      if (i <= number) continue;
      left = withTier(left, i, tiers[i].intervals.filter(
        (other) => other.start < start - SAME || other.end > end + SAME));
    }
    return left;
  }

  function add(tiers, number, start, end, label) {
    const text = label.trim();
    if (!text) throw new Error("A new interval needs a label.");
    if (!(end - start >= SHORTEST)) throw new Error("Select a stretch on the waveform first.");
    const intervals = tiers[number].intervals.slice();
    const at = Tiers.first(intervals, start + SAME);
    if (intervals[at] && intervals[at].start < end - SAME) {
      throw new Error(`There is ${intervals[at].label} already.`);
    }
    const before = intervals[at - 1] ? intervals[at - 1].end : 0;
    const after = intervals[at] ? intervals[at].start : Infinity;
    intervals.splice(at, 0, {
      start: Math.max(start, before), end: Math.min(end, after), label: text, confidence: null,
    });
    return withTier(tiers, number, intervals);
  }

  /** Put other intervals in the place of those of a stretch, by name of tier. */
  function replace(tiers, start, end, prefix, rows) {
    return tiers.map((tier) => {
      const name = tier.name.startsWith(prefix) ? tier.name.slice(prefix.length) : null;
      if (name === null || !rows[name]) return tier;
      const inside = ({ start: a, end: b }) => (a + b) / 2 >= start && (a + b) / 2 < end;
      const added = rows[name].map(([a, b, label]) => (
        { start: a, end: b, label, confidence: null }));
      const intervals = [...tier.intervals.filter((i) => !inside(i)), ...added];
      intervals.sort((a, b) => a.start - b.start);
      return { ...tier, intervals };
    });
  }

  return { move, relabel, split, merge, remove, add, replace, speaker };
})();
