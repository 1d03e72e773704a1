// Utterances on a page without a server: wavesurfer.js decodes and draws the sound, which is in the
// page. Those that are not in view yet wait.
"use strict";

(() => {
  const WIDEST = 110; // pixels a second, at least, before a clip scrolls
  const clips = JSON.parse(document.getElementById("clips").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function begin(section, clip) {
    const canvas = section.querySelector(".tiers"), button = section.querySelector("button");
    const info = section.querySelector(".info"), sound = section.querySelector(".sound");
    const tiers = Tiers.parse(clip.tiers), view = { start: 0, end: clip.duration };
    let selected = null, surfer = null;
    section.querySelector(".strip").style.minWidth = `${Math.min(30000, clip.duration * WIDEST)}px`;

    function draw() {
      Tiers.draw(canvas, tiers, view, selected);
    }

    function select(tier, index, play) {
      const interval = tiers[tier] && tiers[tier].intervals[index];
      if (!interval) return;
      selected = { tier, index };
      const known = interval.confidence === null ? ""
        : `, confidence ${interval.confidence.toFixed(2)}`;
      info.textContent = `\u2068${interval.label}\u2069, ${interval.start.toFixed(3)} to ` +
        `${interval.end.toFixed(3)} s${known}${Tiers.certainty(interval)}`;
      draw();
      if (play && surfer) surfer.play(interval.start, interval.end);
    }

    function climb(by) {
      const { start, end } = tiers[selected.tier].intervals[selected.index];
      const tier = selected.tier + by;
      if (tiers[tier]) select(tier, Tiers.first(tiers[tier].intervals, (start + end) / 2));
    }

    canvas.addEventListener("click", (event) => {
      const found = Tiers.at(tiers, view, canvas.clientWidth, event.offsetX, event.offsetY);
      if (found && found.index >= 0) select(found.tier, found.index, true);
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const row = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!selected && (step || row)) select(0, 0);
      else if (step) select(selected.tier, selected.index + step);
      else if (row) climb(row);
      else if (event.key === " " && selected) select(selected.tier, selected.index, true);
      else return;
      event.preventDefault();
    });
    new ResizeObserver(draw).observe(canvas);
    dark.addEventListener("change", draw);
    draw();

    if (!clip.audio) {
      button.disabled = true;
      button.textContent = "No sound";
      section.dataset.ready = "yes";
      return;
    }
    const colour = Tiers.colours(canvas);
    surfer = WaveSurfer.create({
      container: sound, url: clip.audio, height: 70, normalize: true, maxPeak: clip.peak,
      interact: true,
      waveColor: colour.sound, progressColor: colour.sound, cursorColor: colour.accent,
      sampleRate: 16000,
      plugins: [
        WaveSurfer.Timeline.create({
          height: 18, style: { color: colour.faint, fontSize: "11px" },
          timeInterval: clip.duration < 30 ? 0.1 : 1,
          primaryLabelInterval: clip.duration < 30 ? 1 : 10,
        }),
        WaveSurfer.Spectrogram.create({
          height: 130, fftSamples: 128, fftSize: 512, noverlap: 96, windowFunc: "hann",
          scale: "linear", frequencyMax: 8000, preEmphasis: 6, autoGain: true, rangeDB: 60,
          colorMap: dark.matches ? "igray" : "gray", labels: false, useWebWorker: false,
        }),
      ],
    });
    surfer.on("ready", () => { section.dataset.ready = "yes"; });
    surfer.on("play", () => { button.textContent = "Pause"; });
    surfer.on("pause", () => { button.textContent = "Play"; });
    button.addEventListener("click", () => surfer.playPause());
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      begin(target, clips[target.dataset.number]);
    }
  }, { rootMargin: "300px" });
  document.querySelectorAll("section.clip").forEach((section, number) => {
    section.dataset.number = number;
    observer.observe(section);
  });
})();
