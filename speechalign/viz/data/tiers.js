// Tiers of labelled intervals on a canvas: shared by the page, the report and notebooks.
//
// Time runs from left to right in every script; labels are laid out by the browser, each in the
// direction of its own letters.
"use strict";

const Tiers = (() => {
  const ROW = 40;
  const DOUBTFUL = 0.5;

  /** Make the bitmap of a canvas as fine as the screen; return its context, width and height. */
  function fit(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const columns = Math.round(width * ratio), rows = Math.round(height * ratio);
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  /** Return the colours of the page, light or dark, by name. */
  function colours(element) {
    const style = getComputedStyle(element);
    const names = ["ink", "faint", "line", "paper", "accent", "select", "doubt", "sound"];
    return Object.fromEntries(names.map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  }

  /** Return the index of the first interval that ends after a time. */
  function first(intervals, time) {
    let low = 0, high = intervals.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (intervals[middle].end <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Cut a text to a width, with an ellipsis; nothing where not even one letter fits. */
  function shortened(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    const letters = [...text];
    while (letters.length && context.measureText(letters.join("") + "…").width > width) {
      letters.length = Math.min(letters.length - 1, Math.floor(letters.length * 0.8));
    }
    return letters.length ? letters.join("") + "…" : "";
  }

  /** Shade the 90 and the 50 % credible interval of a bound; margins are [low, low, high, high]. */
  function band(context, x, margins, scale, top) {
    if (!margins) return;
    const [low90, low50, high50, high90] = margins.map((seconds) => x + seconds * scale);
    context.globalAlpha = 0.18;
    context.fillRect(low90, top + ROW - 9, high90 - low90, 8);
    context.globalAlpha = 0.4;
    context.fillRect(low50, top + ROW - 9, high50 - low50, 8);
    context.globalAlpha = 1;
  }

  /**
   * Draw the tiers of a stretch.
   *
   * @param canvas   where to
   * @param tiers    [{name, intervals: [{start, end, label, confidence, startMargins, endMargins}]}]
   * @param view     {start, end}: seconds
   * @param selected {tier, index}, or null
   */
  function draw(canvas, tiers, view, selected) {
    const { context, width } = fit(canvas);
    const colour = colours(canvas);
    const scale = width / (view.end - view.start);
    tiers.forEach((tier, number) => {
      const top = number * ROW;
      context.fillStyle = colour.line;
      context.fillRect(0, top + ROW - 1, width, 1);
      const found = tier.intervals;
      for (let i = first(found, view.start); i < found.length && found[i].start < view.end; i++) {
        const interval = found[i];
        const left = (interval.start - view.start) * scale;
        const right = (interval.end - view.start) * scale;
        const from = Math.max(left, 0), room = Math.min(right, width) - from;
        const chosen = selected && selected.tier === number && selected.index === i;
        if (chosen) {
          context.fillStyle = colour.select;
          context.fillRect(left, top, right - left, ROW - 1);
        } else if (interval.confidence !== null && interval.confidence !== undefined) {
          context.globalAlpha = Math.min(1, Math.max(0, 1 - interval.confidence));
          context.fillStyle = colour.doubt;
          context.fillRect(left, top, right - left, ROW - 1);
          context.globalAlpha = 1;
        }
        context.fillStyle = colour.accent;
        const before = found[i - 1];
        if (!before || before.end !== interval.start) {
          band(context, left, interval.startMargins, scale, top);
        }
        band(context, right, interval.endMargins, scale, top);
        context.fillRect(left - 0.5, top, 1, ROW - 1);
        context.fillRect(right - 0.5, top, 1, ROW - 1);
        if (room > 6) {
          context.fillStyle = colour.ink;
          context.textAlign = "center";
          context.textBaseline = "middle";
          for (const size of [14, 12, 10]) {
            context.font = `${size}px system-ui, sans-serif`;
            if (context.measureText(interval.label).width <= room - 4) break;
          }
          const text = shortened(context, interval.label, room - 2);
          context.fillText(text, from + room / 2, top + ROW / 2 + 5);
        }
      }
      context.font = "10px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "top";
      const wide = context.measureText(tier.name).width;
      context.globalAlpha = 0.8;
      context.fillStyle = colour.paper;
      context.fillRect(0, top, wide + 6, 13);
      context.globalAlpha = 1;
      context.fillStyle = colour.faint;
      context.fillText(tier.name, 3, top + 2);
    });
  }

  /** Return the interval at a place of the canvas, {tier, index}; index -1 for a pause. */
  function at(tiers, view, width, x, y) {
    const tier = Math.floor(y / ROW);
    if (!tiers[tier]) return null;
    const time = view.start + (x / width) * (view.end - view.start);
    const found = tiers[tier].intervals;
    const index = first(found, time);
    return { tier, index: found[index] && found[index].start <= time ? index : -1, time };
  }

  /** Return tiers of plain rows, [start, end, label, confidence, margins of both], as objects. */
  function parse(tiers) {
    return tiers.map(({ name, intervals }) => ({
      name,
      intervals: intervals.map(([start, end, label, confidence, startMargins, endMargins]) => (
        { start, end, label, confidence: confidence ?? null,
          startMargins: startMargins ?? null, endMargins: endMargins ?? null })),
    }));
  }

  /** Return the 90 % credible intervals of both bounds, in words; nothing where not known. */
  function certainty({ startMargins, endMargins }) {
    const range = (margins) => margins
      ? `${Math.round(1000 * margins[0])} to +${Math.round(1000 * margins[3])}` : "not known";
    if (!startMargins && !endMargins) return "";
    return `, 90 % intervals in ms: start ${range(startMargins)}, end ${range(endMargins)}`;
  }

  return { ROW, DOUBTFUL, fit, colours, first, draw, at, parse, certainty };
})();
