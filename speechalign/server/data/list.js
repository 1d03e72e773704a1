// The list of utterances: search, filters, order. Only the rows in view are in the document.
"use strict";

class List {
  static ROW = 48;
  static HIDDEN = ["recording", "text", "reason", "speaker"]; // not offered to sort by

  constructor(onChoose) {
    this.onChoose = onChoose;
    this.rows = [];
    this.shown = [];
    this.chosen = null; // name of an utterance
    this.reversed = false;
    const get = (id) => document.getElementById(id);
    this.scroll = get("scroll");
    this.box = get("rows");
    this.count = get("count");
    [this.search, this.status, this.speaker, this.sort, this.order] =
      ["search", "status", "speaker", "sort", "order"].map(get);
    for (const input of [this.search, this.status, this.speaker, this.sort]) {
      input.addEventListener("input", () => this.filter());
    }
    this.order.addEventListener("click", () => {
      this.reversed = !this.reversed;
      this.order.textContent = this.reversed ? "↓" : "↑";
      this.filter();
    });
    get("filters").addEventListener("submit", (event) => event.preventDefault());
    this.scroll.addEventListener("scroll", () => this.draw());
    this.scroll.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) {
        event.preventDefault();
        event.stopPropagation();
        this.step(step);
      }
    });
    new ResizeObserver(() => this.draw()).observe(this.scroll);
  }

  /** Show a table, {columns, rows}. */
  show({ columns, rows }) {
    this.rows = rows.map((row) => {
      const found = Object.fromEntries(columns.map((name, i) => [name, row[i]]));
      found.sought = `${found.utterance}\n${found.text}`.toLocaleLowerCase();
      return found;
    });
    const values = (name) => [...new Set(this.rows.map((r) => r[name]).filter((v) => v))].sort();
    const fill = (select, options) => {
      select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    };
    const title = (name) => name.replaceAll("_", " ");
    fill(this.status, [["", "any status"], ...values("status").map((s) => [s, s]),
      ["edited", "edited"], ["checked", "checked"], ["unchecked", "not checked"]]);
    fill(this.speaker, [["", "any speaker"], ...values("speaker").map((s) => [s, s])]);
    fill(this.sort, [["", "in corpus order"], ...columns
      .filter((name) => !List.HIDDEN.includes(name)).map((name) => [name, `by ${title(name)}`])]);
    this.filter();
  }

  /** Take over what became of utterances: [{utterance, status, reason, edited, checked}]. */
  update(marks) {
    const byName = new Map(marks.map((mark) => [mark.utterance, mark]));
    for (const row of this.rows) Object.assign(row, byName.get(row.utterance));
    this.draw();
  }

  filter() {
    const words = this.search.value.toLocaleLowerCase().split(/\s+/).filter((word) => word);
    const status = this.status.value, speaker = this.speaker.value, by = this.sort.value;
    this.shown = this.rows.filter((row) =>
      (!status || row.status === status || (status === "edited" && row.edited) ||
        (status === "checked" && row.checked) || (status === "unchecked" && !row.checked)) &&
      (!speaker || row.speaker === speaker) &&
      words.every((word) => row.sought.includes(word)));
    const sign = this.reversed ? -1 : 1;
    if (by) {
      const collator = new Intl.Collator(undefined, { numeric: true });
      this.shown.sort((a, b) => {
        const x = a[by], y = b[by];
        if (x === null || y === null) return (x === null) - (y === null); // unknown comes last
        return sign * (typeof x === "string" ? collator.compare(x, y) : x - y);
      });
    } else if (this.reversed) {
      this.shown.reverse();
    }
    this.count.textContent = `${this.shown.length} of ${this.rows.length} utterances`;
    this.scroll.scrollTop = 0;
    this.draw();
  }

  get index() {
    return this.shown.findIndex((row) => row.utterance === this.chosen);
  }

  get row() {
    return this.rows.find((row) => row.utterance === this.chosen) || null;
  }

  /** Choose an utterance so many rows further; with a test, the next one that passes it. */
  step(by, test = () => true) {
    let at = this.index < 0 && by > 0 ? 0 : this.index + by;
    if (Math.abs(by) > 1) at = Math.max(0, Math.min(this.shown.length - 1, at));
    while (this.shown[at] && !test(this.shown[at])) at += Math.sign(by);
    if (!this.shown[at]) return false;
    this.choose(this.shown[at].utterance);
    return true;
  }

  choose(utterance) {
    this.chosen = utterance;
    const at = this.index;
    if (at >= 0) {
      const top = at * List.ROW, { scrollTop, clientHeight } = this.scroll;
      if (top < scrollTop) this.scroll.scrollTop = top;
      else if (top + List.ROW > scrollTop + clientHeight) {
        this.scroll.scrollTop = top + List.ROW - clientHeight;
      }
    }
    this.draw();
    this.onChoose(this.row);
  }

  draw() {
    const from = Math.max(0, Math.floor(this.scroll.scrollTop / List.ROW) - 5);
    const to = from + Math.ceil(this.scroll.clientHeight / List.ROW) + 10;
    this.box.style.height = `${this.shown.length * List.ROW}px`;
    const by = this.sort.value;
    this.box.replaceChildren(...this.shown.slice(from, to).map((row, i) => {
      const element = document.createElement("div");
      element.className = "row";
      element.id = `row${from + i}`;
      element.role = "option";
      element.ariaSelected = String(row.utterance === this.chosen);
      element.ariaSetSize = this.shown.length;
      element.ariaPosInSet = from + i + 1;
      element.style.top = `${(from + i) * List.ROW}px`;
      const shown = by && !["utterance", "status", "edited", "checked"].includes(by)
        ? row[by] : row.confidence;
      element.append(
        piece("span", row.utterance, "name"), badges(row),
        piece("span", row.text, "more"),
        piece("span", typeof shown === "number" ? format(shown) : shown ?? "", "value"));
      element.addEventListener("click", () => {
        this.choose(row.utterance);
        this.scroll.focus();
      });
      return element;
    }));
    const at = this.index;
    if (at >= 0) this.scroll.setAttribute("aria-activedescendant", `row${at}`);
    else this.scroll.removeAttribute("aria-activedescendant");
  }
}

/** Return an element with a text, never with markup. */
function piece(name, text, style) {
  const element = document.createElement(name);
  element.textContent = text;
  element.dir = "auto";
  if (style) element.className = style;
  return element;
}

function badges({ status, edited, checked }) {
  const group = document.createElement("span");
  const names = [checked ? "checked" : null, edited ? "edited" : status];
  group.append(...names.filter((n) => n).map((name) => piece("span", name, `tag ${name}`)));
  return group;
}

function format(value) {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
