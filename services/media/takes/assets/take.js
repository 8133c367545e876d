// The take in the page, unpacked, and the clock of its sound.

const JUMP = 0.08; // seconds between clock and prediction from which the clock is followed at once, not gently

const $ = (id) => document.getElementById(id);
const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) made.textContent = text; // never markup: texts come from language models
  return made;
}

// Returns the take in the page: `weight(name, frame)`, `emotion(column, frame)` in percent, `pcm` and the data of the page.
function unpackTake() {
  const data = JSON.parse($("take").textContent);
  const view = new DataView(bytesOf(data.frames).buffer);
  const count = data.curveNames.length;
  const emotions = bytesOf(data.emotions);
  const column = new Map(data.curveNames.map((name, index) => [name, index]));
  const wav = bytesOf(data.audio);
  const header = new DataView(wav.buffer);
  return {
    ...data,
    wav,
    audioRate: header.getUint32(24, true),
    pcm: new Int16Array(wav.buffer, 44),
    weight(name, frame) {
      if (!column.has(name)) throw new RangeError(`no curve ${name}`);
      return data.frameCount ? view.getInt16(2 * (frame * count + column.get(name)), true) / data.quantum : 0;
    },
    emotion: (index, frame) => emotions[frame * data.emotionNames.length + index] ?? 0,
  };
}

// Position of the sound, smoothed, as browsers report it in coarse steps.
class SoundClock {
  constructor(audio) {
    this.audio = audio;
    this.last = null; // { time, at }
  }

  now(milliseconds) {
    const { audio, last } = this;
    const reported = audio.currentTime;
    if (audio.paused || audio.seeking || audio.readyState < 3) {
      this.last = null;
      return reported;
    }
    let time = reported;
    if (last) {
      const expected = last.time + ((milliseconds - last.at) / 1000) * audio.playbackRate;
      const difference = reported - expected;
      time = Math.abs(difference) > JUMP ? reported : expected + 0.1 * difference;
    }
    this.last = { time, at: milliseconds };
    return time;
  }
}
