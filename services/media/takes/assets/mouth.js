// The mouth: from curves to the geometry of lips, teeth and tongue, and the drawing of it.
// Units are those of the face: the head is about 240 wide, y points down, and x points to the viewer's right, which is
// the character's left.

const MOUTH_Y = 88; // of the seam at rest
const MOUTH_HALF_WIDTH = 46;
const JAW_OPENING = 74; // between the lips at JawOpen 1
const LIPS_REST = 1.2; // opening that soft lips still close; larger hides small openings, smaller never seals

const clamp01 = (value) => Math.min(1, Math.max(0, value));

// Geometry of the mouth for one frame; `w(name)` is the weight of a curve.
function mouthGeometry(w) {
  const both = (name) => (w(`${name}Left`) + w(`${name}Right`)) / 2;
  const pucker = w("MouthPucker"), funnel = w("MouthFunnel"), jaw = w("JawOpen"), press = both("MouthPress");
  const rollUpper = w("MouthRollUpper"), rollLower = w("MouthRollLower");
  const shrugUpper = w("MouthShrugUpper"), shrugLower = w("MouthShrugLower");

  const drop = JAW_OPENING * jaw;
  const sealed = JAW_OPENING * Math.min(w("MouthClose"), jaw + 0.15);
  const raise = 12 * both("MouthUpperUp") + 8 * funnel + 3 * shrugUpper;
  const lower = 15 * both("MouthLowerDown") + 8 * funnel;
  const closing = 6 * press + 3.5 * rollLower + 2.5 * rollUpper + 6 * shrugLower;
  const gap = Math.max(0, drop - sealed + raise + lower - closing - LIPS_REST);

  const shift = 15 * (w("MouthLeft") - w("MouthRight"));
  const slide = shift + 16 * (w("JawLeft") - w("JawRight")); // of the lower lip
  const seam = MOUTH_Y + 0.32 * Math.min(drop, sealed) - 4 * shrugLower - 2 * shrugUpper - 2 * both("MouthSmile");
  const top = seam - raise * (gap / (gap + 5)); // the upper lip leaves the seam only as far as the mouth opens
  const rounded = 1 - Math.min(0.66, 0.5 * pucker + 0.34 * funnel);
  const corner = (side) => {
    const spread = 15 * w(`MouthSmile${side}`) + 18 * w(`MouthStretch${side}`) + 8 * w(`MouthDimple${side}`);
    const half = MOUTH_HALF_WIDTH * rounded * (1 - 0.16 * jaw) + spread * rounded + 2 * press;
    return {
      x: (side === "Left" ? 1 : -1) * half + shift,
      y: seam - 0.5 + 0.2 * (drop - sealed) + 13 * w(`MouthFrown${side}`) + 3 * w(`MouthStretch${side}`)
        - 17 * w(`MouthSmile${side}`) - 4 * w(`MouthDimple${side}`),
    };
  };
  const full = (1 + 0.42 * pucker + 0.34 * funnel) * (1 - 0.3 * press) * (1 - 0.16 * clamp01(gap / 60));
  const tight = 1 - 0.22 * both("MouthStretch") - 0.2 * both("MouthSmile");
  const right = corner("Right"), left = corner("Left");
  return {
    gap, top, bottom: top + gap, drop, seam, slide, shift, right, left, pucker, funnel,
    upperThickness: 10 * full * tight * (1 - 0.8 * rollUpper),
    lowerThickness: 13.5 * full * tight * (1 - 0.8 * rollLower) * (1 - 0.12 * shrugLower),
    round: Math.min(0.6, 0.1 + 0.5 * (pucker + funnel) + 0.55 * clamp01(gap / 50)), // of the corners of the opening
    sneer: (12 * (w("MouthUpperUpLeft") - w("MouthUpperUpRight"))) / 2, // the upper lip is higher at the viewer's right
    droop: (15 * (w("MouthLowerDownLeft") - w("MouthLowerDownRight"))) / 2,
    dimple: both("MouthDimple"), press,
    reach: 4 + 12 * pucker + 8 * funnel, // how far the lips stand out from the face
    forward: 10 * w("JawForward"),
    tongue: w("TongueOut"),
  };
}

// Draws the mouth of a Face: `at(x, y, depth)` projects a point on the face onto the canvas.
class Mouth {
  constructor(context, at) {
    this.context = context;
    this.at = at;
  }

  draw(m) {
    const c = this.context;
    this.#shadeBelow(m);
    if (m.gap > 0) {
      c.save();
      this.#trace((move) => this.#opening(m, move));
      c.clip();
      this.#inside(m);
      c.restore();
    }
    this.#upperLip(m);
    this.#lowerLip(m);
    if (m.gap < 3) this.#seam(m);
    for (const corner of [m.left, m.right]) this.#dimple(m, corner);
    if (m.tongue > 0.05) this.#tongueOut(m);
  }

  // Begins a path and closes it after `make`, which gets point, line and curve functions in face units.
  #trace(make, depth = 6) {
    const c = this.context;
    c.beginPath();
    make({
      to: (x, y) => c.moveTo(...this.at(x, y, depth)),
      line: (x, y) => c.lineTo(...this.at(x, y, depth)),
      curve: (a, b, d, e, x, y) => c.bezierCurveTo(...this.at(a, b, depth), ...this.at(d, e, depth), ...this.at(x, y, depth)),
    });
  }

  // The inner edge of the upper lip from the right corner to the left one, and of the lower lip back.
  #opening(m, path) {
    path.to(m.right.x, m.right.y);
    this.#innerUpper(m, path);
    this.#innerLower(m, path);
  }

  #innerUpper(m, path) {
    const { right: r, left: l, top, round, shift, sneer } = m;
    const inner = 0.5 - 0.1 * round;
    path.curve(r.x + 4 * (1 - round), r.y + (top - r.y) * round * 1.3, shift + (r.x - shift) * inner, top + sneer, shift, top);
    path.curve(shift + (l.x - shift) * inner, top - sneer, l.x - 4 * (1 - round), l.y + (top - l.y) * round * 1.3, l.x, l.y);
  }

  #innerLower(m, path) {
    const { right: r, left: l, bottom, round, slide, droop } = m;
    const inner = 0.55;
    path.curve(l.x, l.y + (bottom - l.y) * round * 1.35, slide + (l.x - slide) * inner, bottom + droop, slide, bottom);
    path.curve(slide + (r.x - slide) * inner, bottom - droop, r.x, r.y + (bottom - r.y) * round * 1.35, r.x, r.y);
  }

  #inside(m) {
    const c = this.context;
    const [, y0] = this.at(0, m.top, 0), [, y1] = this.at(0, m.bottom, 0);
    const dark = c.createLinearGradient(0, y0, 0, y1 + 1);
    dark.addColorStop(0, "#2a0b12");
    dark.addColorStop(1, "#5a1a22");
    c.fillStyle = dark;
    c.fill();
    const half = 40 - 8 * (m.pucker + m.funnel);
    this.#tongueInside(m);
    c.globalAlpha = 1 - clamp01(1.5 * m.pucker + 0.4 * m.funnel - 0.3); // lips that stand out leave the teeth in the dark
    this.#teeth(m.shift * 0.2, MOUTH_Y + m.drop - 1.5, 13, half * 0.82, "#e6dccf", 1);
    this.#teeth(m.shift * 0.2, MOUTH_Y + 7.5, -16, half, "#fbf6ec", -1);
    c.globalAlpha = 1;
    const shadow = c.createLinearGradient(0, y0, 0, y0 + 9);
    shadow.addColorStop(0, `rgba(40, 8, 16, ${0.2 + 0.4 * clamp01(m.gap / 20)})`);
    shadow.addColorStop(1, "rgba(40, 8, 16, 0)");
    c.fillStyle = shadow;
    c.fillRect(-300, y0 - 30, 600, 39);
  }

  // A row of teeth with its cutting edge at y; `height` is signed, `bow` bends the edge.
  #teeth(x, y, height, half, colour, bow) {
    const c = this.context;
    this.#trace((path) => {
      path.to(x - half, y + bow * 4);
      path.curve(x - half * 0.5, y - bow * 1, x + half * 0.5, y - bow * 1, x + half, y + bow * 4);
      path.line(x + half, y + height * 1.6);
      path.line(x - half, y + height * 1.6);
    }, -4);
    c.fillStyle = colour;
    c.fill();
    c.strokeStyle = "rgba(120, 90, 80, 0.22)";
    c.lineWidth = 0.8;
    for (let k = -3; k <= 3; k++) {
      this.#trace((path) => {
        path.to(x + (k * half) / 4.2, y);
        path.line(x + (k * half) / 4.2, y + height);
      }, -4);
      c.stroke();
    }
  }

  #tongueInside(m) {
    const c = this.context;
    const rise = 5 + 0.2 * m.gap;
    const y = MOUTH_Y + m.drop + 4 - rise;
    const half = 25 - 6 * m.pucker;
    this.#trace((path) => {
      path.to(m.slide - half, y + 22);
      path.curve(m.slide - half, y - 3, m.slide - 9, y - 2, m.slide, y + 1);
      path.curve(m.slide + 9, y - 2, m.slide + half, y - 3, m.slide + half, y + 22);
    }, -8);
    c.fillStyle = "#c4606a";
    c.fill();
  }

  #tongueOut(m) {
    const c = this.context;
    const length = 34 * m.tongue, half = 17, y = Math.max(m.top + 2, m.bottom - 6);
    this.#trace((path) => {
      path.to(m.slide - half, y);
      path.curve(m.slide - half - 2, y + length * 0.8, m.slide - 12, y + length + 6, m.slide, y + length + 6);
      path.curve(m.slide + 12, y + length + 6, m.slide + half + 2, y + length * 0.8, m.slide + half, y);
    }, 12);
    c.fillStyle = "#d3717a";
    c.fill();
    c.strokeStyle = "rgba(130, 40, 55, 0.5)";
    c.lineWidth = 1.4;
    this.#trace((path) => {
      path.to(m.slide, y + 3);
      path.line(m.slide, y + length * 0.8);
    }, 12);
    c.stroke();
  }

  #upperLip(m) {
    const c = this.context;
    const { right: r, left: l, top, shift, upperThickness: t, sneer } = m;
    const crest = top - t, width = Math.abs(l.x - r.x);
    const peak = width * 0.11, dip = Math.min(3.5, t * 0.3);
    this.#trace((path) => {
      path.to(r.x - 2.5, r.y);
      path.curve(r.x + width * 0.14, r.y - 2 - t * 0.25, shift - peak - width * 0.16, crest + 1 + sneer, shift - peak, crest + sneer * 0.5);
      path.curve(shift - peak * 0.5, crest - 0.5, shift - peak * 0.4, crest + dip, shift, crest + dip);
      path.curve(shift + peak * 0.4, crest + dip, shift + peak * 0.5, crest - 0.5, shift + peak, crest - sneer * 0.5);
      path.curve(shift + peak + width * 0.16, crest + 1 - sneer, l.x - width * 0.14, l.y - 2 - t * 0.25, l.x + 2.5, l.y);
      this.#backUpper(m, path);
    }, m.reach);
    c.fillStyle = this.#lipColour(crest, top + 2, "#cf7a70", "#b4574f");
    c.fill();
  }

  // The inner edge of the upper lip from the left corner back to the right one.
  #backUpper(m, path) {
    const { right: r, left: l, top, round, shift, sneer } = m;
    const inner = 0.5 - 0.1 * round, sag = m.gap < 1 ? 1.5 : 0;
    path.line(l.x, l.y);
    path.curve(l.x - 4 * (1 - round), l.y + (top - l.y) * round * 1.3, shift + (l.x - shift) * inner, top - sneer + sag, shift, top + sag);
    path.curve(shift + (r.x - shift) * inner, top + sneer + sag, r.x + 4 * (1 - round), r.y + (top - r.y) * round * 1.3, r.x, r.y);
  }

  #lowerLip(m) {
    const c = this.context;
    const { right: r, left: l, bottom, slide, lowerThickness: t, droop } = m;
    const width = Math.abs(l.x - r.x), base = bottom + t + 0.2 * m.forward;
    this.#trace((path) => {
      path.to(l.x, l.y);
      this.#innerLower(m, path);
      path.line(r.x - 2, r.y);
      const k = 0.14 + 0.1 * m.round;
      path.curve(r.x + width * 0.04, r.y + (base - r.y) * (0.35 + 0.75 * m.round), slide - width * k, base - droop * 0.8, slide, base);
      path.curve(slide + width * k, base + droop * 0.8, l.x - width * 0.04, l.y + (base - l.y) * (0.35 + 0.75 * m.round), l.x + 2, l.y);
    }, m.reach + m.forward);
    c.fillStyle = this.#lipColour(bottom, base, "#c8695f", "#d98d80");
    c.fill();
    this.#shine(m, slide, bottom + t * 0.42, width);
  }

  #shine(m, x, y, width) {
    const c = this.context;
    if (m.lowerThickness < 6) return;
    c.strokeStyle = "rgba(255, 236, 226, 0.42)";
    c.lineWidth = m.lowerThickness * 0.2;
    c.lineCap = "round";
    this.#trace((path) => {
      path.to(x - width * 0.14, y);
      path.curve(x - width * 0.05, y + 1.6, x + width * 0.05, y + 1.6, x + width * 0.13, y);
    }, m.reach);
    c.stroke();
  }

  #lipColour(y0, y1, from, to) {
    const [, a] = this.at(0, y0, 6), [, b] = this.at(0, y1, 6);
    const colour = this.context.createLinearGradient(0, a, 0, b + 0.1);
    colour.addColorStop(0, from);
    colour.addColorStop(1, to);
    return colour;
  }

  // The line between closed lips: it makes an "M" recognizable, so it darkens as they are pressed together.
  #seam(m) {
    const c = this.context;
    c.strokeStyle = "#6d2529";
    c.lineWidth = 2.1 + 0.9 * m.press - 0.4 * m.gap;
    c.lineCap = "round";
    this.#trace((path) => {
      path.to(m.right.x + 1, m.right.y);
      this.#innerUpper({ ...m, top: (m.top + m.bottom) / 2 + 0.8 }, path);
    }, m.reach);
    c.stroke();
  }

  #dimple(m, corner) {
    const c = this.context;
    const side = corner === m.left ? 1 : -1;
    c.strokeStyle = `rgba(140, 70, 55, ${0.22 + 0.35 * m.dimple + 0.25 * m.press})`;
    c.lineWidth = 1.8;
    c.lineCap = "round";
    this.#trace((path) => {
      path.to(corner.x + side * 2.5, corner.y - 3.5);
      path.curve(corner.x + side * 5, corner.y - 1, corner.x + side * 5, corner.y + 2, corner.x + side * 3, corner.y + 4);
    });
    c.stroke();
  }

  #shadeBelow(m) {
    const c = this.context;
    const [x, y] = this.at(m.slide, m.bottom + m.lowerThickness + 5, 0);
    const shade = c.createRadialGradient(x, y, 1, x, y, 26);
    shade.addColorStop(0, "rgba(150, 80, 55, 0.34)");
    shade.addColorStop(1, "rgba(150, 80, 55, 0)");
    c.fillStyle = shade;
    c.save();
    c.translate(0, y);
    c.scale(1, 0.45);
    c.translate(0, -y);
    c.fillRect(x - 40, y - 40, 80, 80);
    c.restore();
  }
}
