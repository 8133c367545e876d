// The timeline: waveform, sentences, words, phonemes, lanes and curves over one time axis, with a playhead; click or drag seeks.

const ROWS = { ruler: 18, wave: 62, sentence: 20, word: 22, phoneme: 20, curve: 130, gap: 5 }; // CSS pixels
const SHORTEST_VIEW = 0.5; // seconds across the whole width
const PALETTE = ["#d1495b", "#2b7fd1", "#2f9e63", "#b8791a", "#8a56c9", "#0f9aa0", "#c2479d", "#6b7f2a", "#5566dd", "#a2604a"];

class Timeline {
  constructor(canvas, take, onSeek) {
    this.canvas = canvas;
    this.take = take;
    this.onSeek = onSeek;
    this.start = 0;
    this.span = take.seconds;
    this.shown = []; // [{ name, colour }]
    this.lanes = lanesOf(take);
    this.still = document.createElement("canvas"); // everything but the playhead
    this.stale = true;
    this.#listen();
  }

  redraw() {
    this.stale = true;
  }

  zoom(factor, middle) {
    const at = middle ?? this.start + this.span / 2;
    const span = Math.min(this.take.seconds, Math.max(Math.min(SHORTEST_VIEW, this.take.seconds), this.span * factor));
    this.#show(at - ((at - this.start) * span) / this.span, span);
  }

  // Draws the playhead at `seconds`; while playing the view turns its page with it.
  draw(seconds, playing) {
    const outside = seconds < this.start || seconds > this.start + this.span;
    if (playing && (outside || seconds > this.start + 0.92 * this.span)) this.#show(seconds - 0.08 * this.span, this.span);
    if (this.stale) this.#drawStill();
    const c = this.canvas.getContext("2d"), ratio = this.ratio;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.drawImage(this.still, 0, 0);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = this.#x(seconds);
    c.fillStyle = this.colours.accent;
    c.fillRect(x - 1, 0, 2, this.height);
    c.beginPath();
    c.moveTo(x - 6, 0);
    c.lineTo(x + 6, 0);
    c.lineTo(x, 8);
    c.fill();
  }

  #show(start, span) {
    this.span = span;
    this.start = Math.max(0, Math.min(this.take.seconds - span, start));
    this.stale = true;
  }

  #x(seconds) {
    return ((seconds - this.start) / this.span) * this.width;
  }

  #seconds(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.start + ((event.clientX - box.left) / box.width) * this.span;
  }

  #listen() {
    const seek = (event) => this.onSeek(this.#seconds(event));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && seek(event));
    this.canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return; // a plain wheel scrolls the page
      event.preventDefault();
      this.zoom(Math.exp((event.deltaY || event.deltaX) / 300), this.#seconds(event));
    }, { passive: false });
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
  }

  #fit() {
    const info = this.take.info;
    this.ratio = window.devicePixelRatio || 1;
    this.height = ROWS.ruler + ROWS.wave + ROWS.curve + 2 * ROWS.gap + (info.sentences.length ? ROWS.sentence + ROWS.gap : 0)
      + (info.words.length ? ROWS.word + ROWS.gap : 0) + (info.phonemes.length ? ROWS.phoneme + ROWS.gap : 0)
      + this.lanes.reduce((sum, lane) => sum + lane.height + ROWS.gap, 0);
    this.canvas.style.height = `${this.height}px`;
    this.width = this.canvas.clientWidth;
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.max(1, Math.round(this.width * this.ratio));
      canvas.height = Math.round(this.height * this.ratio);
    }
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "soft", "line", "accent", "wave", "block", "mark"];
    this.colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  #drawStill() {
    this.#fit();
    this.stale = false;
    const c = this.still.getContext("2d"), info = this.take.info;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    let y = this.#ruler(c);
    y = this.#wave(c, y);
    if (info.sentences.length) y = this.#spans(c, y, ROWS.sentence, info.sentences, "text", "left");
    if (info.words.length) y = this.#spans(c, y, ROWS.word, info.words, "word", "center");
    if (info.phonemes.length) y = this.#spans(c, y, ROWS.phoneme, info.phonemes, "phoneme", "center");
    for (const lane of this.lanes) {
      lane.draw(c, { take: this.take, colours: this.colours, width: this.width, start: this.start, span: this.span, x: (seconds) => this.#x(seconds) }, y);
      y += lane.height + ROWS.gap;
    }
    this.#curves(c, y);
  }

  #ruler(c) {
    const steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];
    const step = steps.find((value) => (value / this.span) * this.width >= 60) ?? 600;
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.textAlign = "left";
    for (let k = Math.ceil(this.start / step); k * step <= this.start + this.span; k++) {
      const x = this.#x(k * step);
      c.fillStyle = this.colours.line;
      c.fillRect(x, 4, 1, this.height);
      c.fillStyle = this.colours.soft;
      c.fillText(`${(k * step).toFixed(step < 1 ? 2 : 0)} s`, x + 4, ROWS.ruler / 2);
    }
    return ROWS.ruler;
  }

  #wave(c, y) {
    const { pcm, audioRate } = this.take, middle = y + ROWS.wave / 2;
    const perPixel = (this.span * audioRate) / this.width;
    const stride = Math.max(1, Math.floor(perPixel / 64)); // 64 samples of a pixel show its loudest well enough
    c.fillStyle = this.colours.wave;
    for (let x = 0; x < this.width; x++) {
      const first = Math.floor(this.start * audioRate + x * perPixel);
      let low = 0, high = 0;
      for (let k = first; k < Math.min(pcm.length, first + Math.max(1, perPixel)); k += stride) {
        low = Math.min(low, pcm[k]);
        high = Math.max(high, pcm[k]);
      }
      const top = (high / 32768) * (ROWS.wave / 2), bottom = (low / 32768) * (ROWS.wave / 2);
      c.fillRect(x, middle - top, 1, Math.max(1, top - bottom));
    }
    return y + ROWS.wave + ROWS.gap;
  }

  // One row of labelled spans.
  #spans(c, y, height, spans, label, align) {
    const rate = this.take.sampleRate;
    c.font = "12px system-ui, sans-serif";
    c.textAlign = align;
    for (const span of spans) {
      const x0 = this.#x(span.start_sample / rate), x1 = this.#x(span.end_sample / rate);
      if (x1 < 0 || x0 > this.width || !span[label]) continue;
      c.fillStyle = this.colours.block;
      c.beginPath();
      c.roundRect(x0 + 0.5, y, Math.max(1, x1 - x0 - 1), height, 4);
      c.fill();
      const text = span[label].trim(), left = Math.max(0, x0), room = Math.min(this.width, x1) - left - 4;
      if (room < 8 || (align === "center" && c.measureText(text).width > room)) continue;
      c.save();
      c.beginPath();
      c.rect(left, y, room + 4, height);
      c.clip();
      c.fillStyle = this.colours.ink;
      c.fillText(text, align === "center" ? (left + Math.min(this.width, x1)) / 2 : left + 5, y + height / 2 + 0.5);
      c.restore();
    }
    return y + height + ROWS.gap;
  }

  // The top of the scale: the least of these that holds every shown curve, as speech rarely goes far.
  #highest() {
    let most = 0;
    for (const { name } of this.shown)
      for (let k = 0; k < this.take.frameCount; k++) most = Math.max(most, this.take.weight(name, k));
    return [0.25, 0.5, 0.75].find((value) => value >= most) ?? 1;
  }

  #curves(c, y) {
    const { frameCount, frameRate, weight } = this.take, height = ROWS.curve - 8;
    const top = this.#highest(), level = (value) => y + 4 + height * (1 - value / top);
    c.strokeStyle = this.colours.line;
    c.lineWidth = 1;
    c.textAlign = "right";
    c.fillStyle = this.colours.soft;
    for (const value of [0, top / 2, top]) {
      c.strokeRect(0, level(value), this.width, 0);
      c.fillText(String(value), this.width - 2, level(value) + (value === top ? 8 : -7));
    }
    const first = Math.max(0, Math.floor(this.start * frameRate)), last = Math.ceil((this.start + this.span) * frameRate);
    c.lineWidth = 1.6;
    c.lineJoin = "round";
    for (const { name, colour } of this.shown) {
      c.strokeStyle = colour;
      c.beginPath();
      for (let k = first; k <= Math.min(last, frameCount - 1); k++) {
        c.lineTo(this.#x(k / frameRate), level(Math.max(-0.05, weight(name, k))));
      }
      c.stroke();
    }
  }
}
