// The sound of a recording: stretches of samples to play, peaks, and tiles of the spectrogram.
"use strict";

/** Asks the server; throws an Error with its message, and its status. */
class Api {
  constructor(token) {
    this.token = token;
  }

  async fetch(path, options = {}) {
    const headers = { Authorization: `Bearer ${this.token}`, ...options.headers };
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer: speechalign view has ended.");
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    const error = new Error(body.error ? body.error.message : answer.statusText);
    error.status = answer.status;
    throw error;
  }

  async json(path, options) {
    return (await this.fetch(path, options)).json();
  }

  send(method, path, value) {
    return this.json(path, { method, body: JSON.stringify(value) });
  }
}

/** Plays stretches of a recording, exact to the sample; one at a time. */
class Player {
  static PIECE = 20; // seconds that are asked for at once

  constructor(api) {
    this.api = api;
    this.context = null;
    this.playing = null;
    this.onEnd = () => {};
  }

  async play(recording, rate, start, end, loop) {
    this.stop();
    this.context = this.context || new AudioContext();
    if (this.context.state === "suspended") this.context.resume();
    const run = { start, end, loop, from: null, sources: [], recording, rate, next: start };
    this.playing = run;
    try {
      await this.#schedule(run);
    } catch (error) {
      if (this.playing === run) this.stop();
      throw error;
    }
  }

  /** Ask for the next piece, and have it begin where the one before ends. */
  async #schedule(run) {
    const first = run.next, last = Math.min(run.end, first + Player.PIECE);
    const whole = first === run.start && last === run.end;
    run.next = last;
    const from = Math.round(first * run.rate), to = Math.round(last * run.rate);
    if (to <= from) return;
    const range = `bytes=${44 + 2 * from}-${44 + 2 * to - 1}`;
    const path = `api/audio?id=${encodeURIComponent(run.recording)}`;
    const answer = await this.api.fetch(path, { headers: { Range: range } });
    const samples = new Int16Array(await answer.arrayBuffer());
    if (this.playing !== run) return;
    const buffer = this.context.createBuffer(1, samples.length, run.rate);
    const channel = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.loop = run.loop && whole;
    source.connect(this.context.destination);
    if (run.from === null) run.from = this.context.currentTime + 0.02;
    source.start(run.from + first - run.start);
    run.sources.push(source);
    if (last < run.end) {
      const wait = run.from + first - run.start - this.context.currentTime + Player.PIECE / 2;
      run.timer = setTimeout(() => this.#schedule(run).catch(() => this.stop()), 1000 * wait);
    } else if (!source.loop) {
      source.onended = () => {
        if (this.playing !== run) return;
        if (run.loop) this.play(run.recording, run.rate, run.start, run.end, true);
        else this.stop();
      };
    }
  }

  /** Return the time that is heard, seconds, or null. */
  get position() {
    const run = this.playing;
    if (!run || run.from === null) return null;
    const passed = Math.max(0, this.context.currentTime - run.from);
    const length = run.end - run.start;
    return run.start + (run.loop ? passed % length : Math.min(passed, length));
  }

  stop() {
    const run = this.playing;
    if (!run) return;
    this.playing = null;
    clearTimeout(run.timer);
    for (const source of run.sources) {
      try {
        source.stop();
      } catch {
        // It had not begun.
      }
    }
    this.onEnd();
  }
}

/** Peaks and tiles of one recording, as far as they were asked for; calls back when more come. */
class Pictures {
  static COLUMNS = 512;
  static LEVELS = 12;
  static MOST = 96; // tiles that are kept

  constructor(api, recording, onMore) {
    this.api = api;
    this.id = encodeURIComponent(recording);
    this.onMore = onMore;
    this.kept = null;
    this.asked = null;
    this.tiles = new Map();
  }

  /** Return {start, end, values} that cover a stretch as finely as it is shown, or what there is. */
  peaks(start, end, width) {
    const perSecond = width / (end - start);
    const good = (k) => k && k.start <= Math.max(0, start) && end <= k.end &&
      k.perSecond >= 0.7 * perSecond && k.perSecond <= 4 * perSecond;
    if (!good(this.kept) && !good(this.asked)) {
      const span = end - start;
      const wanted = { start: Math.max(0, start - span), end: end + span, perSecond };
      this.asked = wanted;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#fetchPeaks(wanted), this.kept ? 40 : 0);
    }
    return this.kept;
  }

  async #fetchPeaks(wanted) {
    const count = Math.min(9000, Math.ceil((wanted.end - wanted.start) * wanted.perSecond));
    const query = `start=${wanted.start}&end=${wanted.end}&count=${count}`;
    try {
      const answer = await this.api.fetch(`api/peaks?id=${this.id}&${query}`);
      const values = new Int8Array(await answer.arrayBuffer());
      if (this.asked !== wanted) return;
      const loudest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      this.kept = { ...wanted, values, loudest };
      this.onMore();
    } catch {
      // The message about the sound file is on the page already.
    }
  }

  /** Return the tiles of a stretch: [{start, end, image}], those that are there. */
  spectrogram(start, end, width) {
    const finest = Math.ceil(Math.log2(width / (end - start)));
    const level = Math.min(Pictures.LEVELS - 1, Math.max(0, finest));
    const seconds = Pictures.COLUMNS / 2 ** level;
    const found = [];
    for (let tile = Math.max(0, Math.floor(start / seconds)); tile * seconds < end; tile++) {
      const image = this.#tile(level, tile);
      if (image) found.push({ start: tile * seconds, end: (tile + 1) * seconds, image });
    }
    return found;
  }

  #tile(level, tile) {
    const key = `${level}/${tile}`;
    if (this.tiles.has(key)) {
      const image = this.tiles.get(key);
      this.tiles.delete(key); // the last that was used is the last to go
      this.tiles.set(key, image);
      return image;
    }
    this.tiles.set(key, null);
    if (this.tiles.size > Pictures.MOST) this.tiles.delete(this.tiles.keys().next().value);
    this.api.fetch(`api/spectrogram?id=${this.id}&level=${level}&tile=${tile}`)
      .then((answer) => answer.blob())
      .then(createImageBitmap)
      .then((image) => {
        this.tiles.set(key, image);
        this.onMore();
      })
      .catch(() => {});
    return null;
  }
}
