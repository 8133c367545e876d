// The player: follows the sound's clock, and shows the frame, the word and the values of that moment.

const FIRST_CURVES = ["JawOpen", "MouthClose", "MouthFunnel", "MouthPucker", "MouthStretchLeft", "MouthSmileLeft",
  "MouthRollLower", "MouthPressLeft"];
const PLAY_ICON = "M7 4.5v15l12.5-7.5z", PAUSE_ICON = "M6 4.5h4.5v15H6z M13.5 4.5H18v15h-4.5z";

class Player {
  constructor(take) {
    this.take = take;
    this.audio = new Audio(URL.createObjectURL(new Blob([take.wav], { type: "audio/wav" })));
    this.audio.preload = "auto";
    this.clock = new SoundClock(this.audio);
    this.face = new Face($("face"));
    this.timeline = new Timeline($("timeline"), take, (seconds) => this.seek(seconds));
    this.time = 0;
    this.word = -1;
    this.buttons = [];
    this.values = []; // [{ name, output }]
    this.#write();
    this.#chips();
    this.#listen();
    this.show(0);
    this.#tick(performance.now());
  }

  get frame() {
    return Math.max(0, Math.min(this.take.frameCount - 1, Math.round(this.time * this.take.frameRate)));
  }

  play() {
    return this.audio.play().catch((error) => {
      $("trouble").textContent = `The sound does not play: ${error.message}`;
      $("trouble").hidden = false;
    });
  }

  pause() {
    this.audio.pause();
    this.show(this.audio.currentTime);
  }

  toggle() {
    return this.audio.paused ? this.play() : this.pause();
  }

  seek(seconds) {
    const time = Math.max(0, Math.min(this.take.seconds, seconds));
    this.audio.currentTime = time;
    this.clock.last = null;
    this.show(time);
  }

  step(frames) {
    this.audio.pause();
    this.seek((this.frame + frames) / this.take.frameRate);
  }

  // Shows one moment: face, playhead, word and values.
  show(seconds) {
    const { take } = this;
    this.time = seconds;
    const frame = this.frame;
    this.face.draw((name) => take.weight(name, frame));
    this.timeline.draw(seconds, !this.audio.paused);
    $("seek").value = seconds;
    $("seek").setAttribute("aria-valuetext", `${seconds.toFixed(2)} seconds`);
    $("clock").textContent = `${seconds.toFixed(3)} s · frame ${frame} of ${take.frameCount}`;
    for (const { name, output } of this.values) output.textContent = take.weight(name, frame).toFixed(2);
    this.#state(frame);
    this.#mark(seconds * take.sampleRate);
  }

  // Shows the emotions, and the direction of head and eyes.
  #state(frame) {
    const { take } = this;
    const emotions = take.emotionNames.map((name, column) => [take.emotion(column, frame), name]).filter(([value]) => value >= 1);
    emotions.sort(([a], [b]) => b - a);
    $("emotions").textContent = emotions.map(([value, name]) => `${name} ${value} %`).join(" · ");
    $("emotions").hidden = !take.emotionNames.length;
    const pose = poseOf(take, frame);
    $("pose").textContent = take.frameCount
      ? Object.entries(pose).map(([name, value]) => `${name} ${value < -0.05 ? "−" : ""}${Math.abs(value).toFixed(1)}°`).join(" · ")
      : "";
  }

  #tick(milliseconds) {
    const playing = !this.audio.paused;
    if (playing) this.show(this.clock.now(milliseconds));
    else if (this.timeline.stale) this.show(this.time);
    requestAnimationFrame((at) => this.#tick(at));
  }

  #mark(sample) {
    const { words } = this.take.info;
    const now = words.findIndex((word) => word.start_sample <= sample && sample < word.end_sample);
    if (now === this.word) return;
    this.buttons[this.word]?.classList.remove("now");
    this.buttons[now]?.classList.add("now");
    this.word = now;
    const button = this.buttons[now], box = $("words");
    if (button && (button.offsetTop < box.scrollTop + box.offsetTop || button.offsetTop > box.scrollTop + box.offsetTop + box.clientHeight - 30))
      box.scrollTop = button.offsetTop - box.offsetTop - box.clientHeight / 3;
  }

  // Moves to the next or the previous word.
  #jump(direction) {
    const { info, sampleRate } = this.take, sample = this.time * sampleRate;
    const starts = info.words.map((word) => word.start_sample);
    const target = direction > 0
      ? starts.find((start) => start > sample + 1)
      : starts.findLast((start) => start < sample - 0.1 * sampleRate);
    this.seek((target ?? (direction > 0 ? this.take.seconds * sampleRate : 0)) / sampleRate);
  }

  // Writes the text, its words as buttons, and the tables.
  #write() {
    const { info, sampleRate, seconds } = this.take;
    const characters = Array.from(info.text); // positions count code points
    const heard = info.heard_text === null ? Infinity : Array.from(info.heard_text).length;
    let written = 0;
    for (const word of info.words) {
      const inText = word.start_char >= written && word.end_char > word.start_char && word.end_char <= characters.length;
      if (inText) this.#plain(characters.slice(written, word.start_char).join(""));
      else if (this.buttons.length) this.#plain(" ");
      const text = inText ? characters.slice(word.start_char, word.end_char).join("") : word.word;
      const button = element("button", text, { type: "button", tabIndex: -1, className: word.start_char >= heard ? "unheard" : "" });
      button.addEventListener("click", () => this.seek(word.start_sample / sampleRate));
      $("words").append(button);
      this.buttons.push(button);
      if (inText) written = word.end_char;
    }
    this.#plain(characters.slice(written).join(""));
    this.#fill($("prompt"), info.prompt);
    for (const notice of info.notices) $("notices").append(element("li", notice));
    $("notices").hidden = !info.notices.length;
    $("seek").max = seconds;
    this.#stages();
    this.#about();
  }

  #plain(text) {
    if (text) $("words").append(document.createTextNode(text));
  }

  #fill(target, text) {
    target.textContent = text ?? "";
    target.hidden = !text;
  }

  #stages() {
    const stages = Object.entries(this.take.info.stages);
    const longest = Math.max(0.001, ...stages.filter(([name]) => name !== "total").map(([, value]) => value));
    for (const [name, value] of stages) {
      const row = element("tr"), bar = element("td"), length = element("i");
      length.style.width = `${Math.min(100, (100 * value) / longest)}%`;
      bar.append(length);
      row.append(element("td", name.replaceAll("_", " ")), element("td", `${(1000 * value).toFixed(0)} ms`), bar);
      $("stages").tBodies[0].append(row);
    }
    $("stages").parentElement.hidden = !stages.length;
  }

  #about() {
    const { info, seconds, frameCount, frameRate } = this.take;
    const facts = [["Recorded", info.created ?? "unknown"],
      ["Holds", info.recorded === "sent" ? "what was sent and heard" : "what voice and face made"], ["Length", `${seconds.toFixed(2)} s, ${frameCount} frames at ${frameRate} Hz`],
      ["Sound", `${info.sample_rate} Hz`], ["Interrupted", info.interrupted ? "yes" : "no"]];
    for (const table of [info.providers, info.versions, info.counters])
      for (const [name, value] of Object.entries(table)) facts.push([name.replaceAll("_", " "), String(value)]);
    for (const [name, value] of facts) $("about").append(element("dt", name), element("dd", value));
  }

  #chips() {
    for (const name of FIRST_CURVES) this.#chip(name);
    for (const name of this.take.curveNames) $("add").append(element("option", name, { value: name }));
  }

  #chip(name) {
    if (this.values.some((value) => value.name === name)) return;
    const colour = PALETTE[this.values.length % PALETTE.length];
    const label = element("label"), box = element("input", undefined, { type: "checkbox", checked: true });
    const text = element("span", `${name} `), output = element("b", "0.00");
    const shown = { name, colour };
    text.append(output);
    text.style.setProperty("--chip", colour);
    label.append(box, text);
    box.addEventListener("change", () => {
      this.timeline.shown = box.checked ? [...this.timeline.shown, shown] : this.timeline.shown.filter((other) => other !== shown);
      this.timeline.redraw();
    });
    $("curves").append(label);
    this.values.push({ name, output });
    this.timeline.shown.push(shown);
    this.timeline.redraw();
  }

  #listen() {
    const { audio } = this;
    const showState = () => {
      $("play").setAttribute("aria-label", audio.paused ? "Play" : "Pause");
      $("play-icon").setAttribute("d", audio.paused ? PLAY_ICON : PAUSE_ICON);
    };
    for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, showState);
    audio.addEventListener("ended", () => this.show(this.take.seconds));
    $("play").addEventListener("click", () => this.toggle());
    $("back").addEventListener("click", () => this.step(-1));
    $("forward").addEventListener("click", () => this.step(1));
    $("seek").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    $("zoom-in").addEventListener("click", () => this.timeline.zoom(0.5, this.time));
    $("zoom-out").addEventListener("click", () => this.timeline.zoom(2, this.time));
    $("close-up").addEventListener("change", (event) => this.#closeUp(event.target.checked));
    $("add").addEventListener("change", (event) => {
      if (event.target.value) this.#chip(event.target.value);
      event.target.value = "";
    });
    for (const radio of document.querySelectorAll("[name=speed]"))
      radio.addEventListener("change", () => { audio.playbackRate = Number(radio.value); });
    new ResizeObserver(() => this.show(this.time)).observe($("face"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.timeline.redraw());
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  #closeUp(on) {
    $("close-up").checked = on;
    this.face.closeUp = on;
    this.show(this.time);
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select, [type=radio]")) return;
    if (event.key === " " && event.target.matches("button, summary, [type=checkbox]")) return; // the browser's own meaning
    const actions = {
      " ": () => this.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      ",": () => this.#jump(-1), ".": () => this.#jump(1), Home: () => this.seek(0), End: () => this.seek(this.take.seconds),
      c: () => this.#closeUp(!this.face.closeUp), "+": () => this.timeline.zoom(0.5, this.time),
      "-": () => this.timeline.zoom(2, this.time),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

const player = new Player(unpackTake());

// For scripts and tests.
window.neurosyncTake = {
  frameCount: player.take.frameCount,
  currentFrame: () => player.frame,
  weights: (name) => player.take.weight(name, player.frame),
  play: () => player.play(),
  pause: () => player.pause(),
  seek: (seconds) => player.seek(seconds),
  mouth: () => player.face.measure(),
  emotions: () => Object.fromEntries(player.take.emotionNames.map((name, column) => [name, player.take.emotion(column, player.frame)])),
  pose: () => poseOf(player.take, player.frame),
  lanes: () => player.timeline.lanes.map((lane) => lane.title ?? "events"),
};
