// Lanes below the words of the timeline: events, emotions, and the direction of head and eyes.

const EMOTION_COLOURS = { Angry: "#d1495b", Disgusted: "#6b7f2a", Fearful: "#8a56c9", Happy: "#b8791a", Neutral: "#8795a5",
  Sad: "#2b7fd1", Surprised: "#c2479d" };
const LEAST_EMOTION = 3; // percent; an emotion that never exceeds it is not drawn
const DEGREES = 180 / Math.PI;
const EYE_DEGREES = 30; // that an EyeLook curve of 1 turns the eye, about
const LEGEND = 17; // CSS pixels above the lines of a lane
const SMALLEST_TURN = 5; // degrees from the middle of the lane to its edge, at least: stillness must look still

// Returns the direction of head and eyes on one frame, in degrees: the character's left, up, and towards its right shoulder are positive.
function poseOf(take, frame) {
  const w = (name) => take.weight(name, frame);
  const left = (w("EyeLookOutLeft") - w("EyeLookInLeft") + w("EyeLookInRight") - w("EyeLookOutRight")) / 2;
  const up = (w("EyeLookUpLeft") - w("EyeLookDownLeft") + w("EyeLookUpRight") - w("EyeLookDownRight")) / 2;
  return {
    "head left": (0 - w("HeadYaw")) * DEGREES, "head up": (0 - w("HeadPitch")) * DEGREES, "head tilt": w("HeadRoll") * DEGREES,
    "gaze left": left * EYE_DEGREES, "gaze up": up * EYE_DEGREES,
  };
}

const POSE_COLOURS = { "head left": "#0f9aa0", "head up": "#2f9e63", "head tilt": "#5566dd", "gaze left": "#b8791a", "gaze up": "#d1495b" };

// A lane with lines of several series over the frames of a take.
class LinesLane {
  constructor(title, height, colours, series, bounds) {
    Object.assign(this, { title, height, colours, series, bounds }); // series: name -> values by frame
  }

  draw(c, view, y) {
    const { frameRate, frameCount } = view.take, [low, high] = this.bounds;
    const level = (value) => y + LEGEND + (this.height - LEGEND - 3) * (1 - (value - low) / (high - low));
    c.lineWidth = 1;
    c.strokeStyle = view.colours.line;
    for (const value of low < 0 ? [low, 0, high] : [low, high]) c.strokeRect(0, level(value), view.width, 0);
    const first = Math.max(0, Math.floor(view.start * frameRate));
    const last = Math.min(frameCount - 1, Math.ceil((view.start + view.span) * frameRate));
    c.lineWidth = 1.6;
    for (const [name, values] of Object.entries(this.series)) {
      c.strokeStyle = this.colours[name];
      c.beginPath();
      for (let k = first; k <= last; k++) c.lineTo(view.x(k / frameRate), level(values[k]));
      c.stroke();
    }
    this.#legend(c, view, y);
  }

  #legend(c, view, y) {
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "left";
    let x = 4;
    const write = (text, colour) => {
      c.fillStyle = colour;
      c.fillText(text, x, y + 7);
      x += c.measureText(text).width + 8;
    };
    write(this.title, view.colours.soft);
    for (const name of Object.keys(this.series)) write(name, this.colours[name]);
  }
}

// Returns the lane of emotions; null where the take has none, or none above `LEAST_EMOTION`.
function emotionLane(take) {
  const series = {};
  take.emotionNames.forEach((name, column) => {
    const values = Array.from({ length: take.frameCount }, (_, frame) => take.emotion(column, frame));
    if (values.some((value) => value > LEAST_EMOTION)) series[name] = values;
  });
  return Object.keys(series).length ? new LinesLane("emotion, %", 68, EMOTION_COLOURS, series, [0, 100]) : null;
}

// Returns the lane of head and gaze; null where neither ever moves.
function poseLane(take) {
  const series = Object.fromEntries(Object.keys(POSE_COLOURS).map((name) => [name, []]));
  let most = 0;
  for (let frame = 0; frame < take.frameCount; frame++)
    for (const [name, value] of Object.entries(poseOf(take, frame))) {
      series[name].push(value);
      most = Math.max(most, Math.abs(value));
    }
  if (most === 0) return null;
  const limit = Math.max(SMALLEST_TURN, Math.ceil(most / 5 - 0.01) * 5);
  return new LinesLane(`head and gaze, ±${limit}°`, 84, POSE_COLOURS, series, [-limit, limit]);
}

// The lane of events: blocks for what lasts, flags for what does not.
class EventLane {
  constructor(take) {
    this.height = 20;
    this.take = take;
  }

  draw(c, view, y) {
    const rate = this.take.sampleRate;
    let free = 0; // where the next label may begin
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "left";
    for (const event of this.take.info.events) {
      const x0 = view.x(event.start_sample / rate), x1 = view.x(event.end_sample / rate);
      if (x1 < 0 || x0 > view.width) continue;
      const colour = event.kind === "interrupted" ? "#d1495b" : event.kind === "pause" ? view.colours.soft : view.colours.accent;
      c.fillStyle = colour;
      c.globalAlpha = 0.25;
      c.fillRect(x0, y, Math.max(2, x1 - x0), this.height);
      c.globalAlpha = 1;
      c.fillRect(Math.min(x0, view.width - 2), y, 2, this.height);
      const text = event.text, width = c.measureText(text).width;
      const x = Math.max(4, Math.min(x0 + 5, view.width - width - 4));
      if (x < free) continue; // its notice stands in the list as well
      c.fillStyle = view.colours.ink;
      c.fillText(text, x, y + this.height / 2 + 0.5);
      free = x + width + 8;
    }
  }
}

// Returns the lanes of a take that are not empty.
function lanesOf(take) {
  return [take.info.events.length ? new EventLane(take) : null, emotionLane(take), poseLane(take)].filter(Boolean);
}
