// The face: a drawn character whose every feature follows the 61 curves, turned in depth by the head's rotation.
// Signs, as the Live Link Face app records them: yaw turns to the character's right, pitch looks down; roll tilts to the
// character's right. Rotations are radians.

const SKIN = { light: "#ffdfc8", base: "#f4c3a3", deep: "#dd9d7c", line: "rgba(150, 84, 60, 0.5)" };
const HAIR = { base: "#3b2a35", deep: "#271b25", shine: "rgba(214, 160, 150, 0.28)" };
const VIEW = { width: 420, height: 470, x: 210, y: 218 }; // what the canvas shows, and where the middle of the head is
const CLOSE_UP = 2.1; // enlargement about the mouth
const CAMERA = 950; // distance; smaller exaggerates turns, larger flattens them

class Face {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.closeUp = false;
    this.pose = { yaw: 0, pitch: 0, roll: 0 };
    this.scale = 1;
    this.mouthShape = null;
    this.at = (x, y, depth = 0) => this.#project(x, y, Face.#surface(x, y) + depth);
    this.flat = (x, y, z) => this.#project(x, y, z);
    this.mouth = new Mouth(this.context, this.at);
  }

  // Depth of the face at a point: an egg.
  static #surface(x, y) {
    return 74 * Math.sqrt(Math.max(0, 1 - (x / 132) ** 2 - (y / 200) ** 2));
  }

  #project(x, y, z) {
    const { yaw, pitch, roll } = this.pose;
    const x1 = x * Math.cos(yaw) - z * Math.sin(yaw);
    const z1 = x * Math.sin(yaw) + z * Math.cos(yaw);
    const y2 = y * Math.cos(pitch) + z1 * Math.sin(pitch);
    const z2 = z1 * Math.cos(pitch) - y * Math.sin(pitch);
    const near = CAMERA / (CAMERA - z2);
    const px = x1 * near, py = y2 * near - 150; // roll about the top of the neck
    return [px * Math.cos(roll) + py * Math.sin(roll), py * Math.cos(roll) - px * Math.sin(roll) + 150];
  }

  // Draws one frame; `w(name)` is the weight of a curve.
  draw(w) {
    const c = this.context;
    const limit = (value) => Math.max(-0.7, Math.min(0.7, value));
    this.pose = { yaw: limit(w("HeadYaw")), pitch: limit(w("HeadPitch")), roll: limit(w("HeadRoll")) };
    this.mouthShape = mouthGeometry(w);
    this.#fit();
    this.#neck();
    this.#backHair();
    this.#skin(w);
    this.#cheeks(w);
    this.#nose(w);
    for (const side of ["Right", "Left"]) {
      this.#eye(w, side);
      this.#brow(w, side);
    }
    this.mouth.draw(this.mouthShape);
    this.#hair();
    c.setTransform(1, 0, 0, 1, 0, 0);
  }

  // What is drawn now, in CSS pixels.
  measure() {
    const m = this.mouthShape, s = this.scale;
    const open = m.gap > 0;
    return {
      openingHeight: m.gap * s,
      openingWidth: open ? (m.left.x - m.right.x) * s : 0,
      width: (m.left.x - m.right.x) * s,
      upperLip: m.upperThickness * s,
      lowerLip: m.lowerThickness * s,
      jawDrop: m.drop * s,
      cornerLift: (m.seam - 0.5 - (m.left.y + m.right.y) / 2) * s,
    };
  }

  #fit() {
    const c = this.context, ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    this.scale = Math.min(width / VIEW.width, height / VIEW.height) * (this.closeUp ? CLOSE_UP : 1);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const s = this.scale * ratio;
    const middle = this.closeUp ? height / 2 - (MOUTH_Y - 8) * this.scale : (height * VIEW.y) / VIEW.height;
    c.setTransform(s, 0, 0, s, (width * ratio) / 2, middle * ratio);
    c.lineJoin = "round";
    c.lineCap = "round";
  }

  // Traces a path of [x, y, z] points: the first is where it starts, then three for each curve.
  #curve(points, place = this.flat) {
    const c = this.context;
    const p = points.map((point) => place(...point));
    c.beginPath();
    c.moveTo(...p[0]);
    for (let k = 1; k + 2 < p.length; k += 3) c.bezierCurveTo(...p[k], ...p[k + 1], ...p[k + 2]);
  }

  #gradient(x0, y0, r0, r1, stops) {
    const colour = this.context.createRadialGradient(x0, y0, r0, x0, y0, r1);
    stops.forEach(([offset, stop]) => colour.addColorStop(offset, stop));
    return colour;
  }

  #spot(x, y, radius, colour, alpha, squash = 1) {
    const c = this.context, [px, py] = this.at(x, y, 0);
    c.save();
    c.translate(px, py);
    c.scale(1, squash);
    c.globalAlpha = alpha;
    c.fillStyle = this.#gradient(0, 0, 0, radius, [[0, colour], [1, `${colour}00`]]);
    c.fillRect(-radius, -radius, 2 * radius, 2 * radius);
    c.restore();
  }

  #neck() {
    const c = this.context;
    const follow = Math.sin(this.pose.yaw) * -8;
    c.beginPath();
    c.moveTo(-44 + follow, 80);
    c.bezierCurveTo(-46 + follow, 150, -44, 180, -70, 212);
    c.lineTo(-60, 245);
    c.lineTo(60, 245);
    c.lineTo(70, 212);
    c.bezierCurveTo(44, 180, 46 + follow, 150, 44 + follow, 80);
    c.fillStyle = "#e2a584";
    c.fill();
    const shade = c.createLinearGradient(0, 120, 0, 205);
    shade.addColorStop(0, "rgba(140, 70, 50, 0.65)");
    shade.addColorStop(1, "rgba(140, 70, 50, 0)");
    c.fillStyle = shade;
    c.fill();
    c.beginPath();
    c.moveTo(-194, 700);
    c.lineTo(-190, 290);
    c.bezierCurveTo(-186, 226, -130, 216, -68, 200);
    c.bezierCurveTo(-50, 236, 50, 236, 68, 200);
    c.bezierCurveTo(130, 216, 186, 226, 190, 290);
    c.lineTo(194, 700);
    const cloth = c.createLinearGradient(-150, 190, 150, 290);
    cloth.addColorStop(0, "#2f7f86");
    cloth.addColorStop(1, "#1d5560");
    c.fillStyle = cloth;
    c.fill();
    c.beginPath();
    c.moveTo(-72, 203);
    c.bezierCurveTo(-50, 243, 50, 243, 72, 203);
    c.strokeStyle = "#3f969c";
    c.lineWidth = 9;
    c.stroke();
  }

  #backHair() {
    const c = this.context, z = -24;
    this.#curve([[0, -192, z], [-100, -194, z], [-158, -120, z], [-148, -20, z], [-142, 40, z], [-160, 110, z], [-122, 142, z],
      [-60, 150, z], [60, 150, z], [122, 142, z], [160, 110, z], [142, 40, z], [148, -20, z], [158, -120, z], [100, -194, z],
      [0, -192, z]]);
    c.fillStyle = HAIR.deep;
    c.fill();
  }

  #skin(w) {
    const c = this.context, m = this.mouthShape;
    const chin = 150 + 0.62 * m.drop, slide = m.slide * 0.8, puff = 13 * w("CheekPuff"), z = 8;
    const wide = 2 * (w("MouthSmileLeft") + w("MouthSmileRight"));
    const cheek = 104 + puff + wide, jowl = 84 + puff * 0.8;
    this.#curve([[0, -168, z], [-80, -168, z], [-118, -110, z], [-114, -40, z],
      [-113, 0, z], [-cheek - 8, 40, z], [-cheek + 6, 72 + 0.1 * m.drop, z],
      [-jowl + slide * 0.3, 118 + 0.4 * m.drop, z], [-44 + slide, chin, z + 12], [slide, chin, z + 20],
      [44 + slide, chin, z + 12], [jowl + slide * 0.3, 118 + 0.4 * m.drop, z], [cheek - 6, 72 + 0.1 * m.drop, z],
      [cheek + 8, 40, z], [113, 0, z], [114, -40, z], [118, -110, z], [80, -168, z], [0, -168, z]]);
    const [x, y] = this.at(-18, -40, 0);
    c.fillStyle = this.#gradient(x, y, 20, 215, [[0, SKIN.light], [0.5, SKIN.base], [1, SKIN.deep]]);
    c.fill();
    c.save();
    c.clip();
    for (const side of [-1, 1]) this.#spot(side * 118, 40, 62, "#c07a5c", 0.5, 2.2);
    this.#spot(slide, chin - 2, 46, "#c88465", 0.45, 0.4);
    this.#spot(slide, chin - 21, 18, "#ffe6d4", 0.38, 0.7);
    this.#spot(-20, -132, 90, "#a9644a", 0.3, 0.5);
    const worry = clamp01(w("BrowInnerUp") + 0.4 * (w("BrowOuterUpLeft") + w("BrowOuterUpRight")) - 0.15);
    for (const y of [-92, -80]) this.#line([[-38, y + 4], [-16, y - 3], [16, y - 3], [38, y + 4]], 1.6, 0.4 * worry);
    c.restore();
  }

  // A thin line on the skin through one curve.
  #line(points, width, alpha) {
    if (alpha <= 0.01) return;
    const c = this.context;
    this.#curve(points.map(([x, y]) => [x, y, 1]), this.at);
    c.strokeStyle = `rgba(140, 72, 50, ${Math.min(0.8, alpha)})`;
    c.lineWidth = width;
    c.stroke();
  }

  #cheeks(w) {
    for (const [side, e] of [["Right", -1], ["Left", 1]]) {
      const lift = 9 * w(`CheekSquint${side}`) + 7 * w(`MouthSmile${side}`);
      this.#spot(e * 64, 42 - lift, 38, "#ef8a78", 0.36, 0.75);
      this.#spot(e * 66, 24 - lift, 24, "#fff0e4", 0.22 + 0.5 * w("CheekPuff"), 0.7);
      const fold = 0.04 + 0.45 * w(`MouthSmile${side}`) + 0.4 * w(`NoseSneer${side}`) + 0.2 * w(`MouthUpperUp${side}`);
      const corner = e > 0 ? this.mouthShape.left : this.mouthShape.right;
      const x = Math.max(34, Math.abs(corner.x) + 9);
      this.#line([[e * 26, 43], [e * 34, 48], [e * (x - 7), corner.y - 24], [e * x, corner.y - 4]], 2, fold);
      this.#line([[e * 36, 2], [e * 48, 7 - lift * 0.3], [e * 60, 6 - lift * 0.3], [e * 68, 0]], 1.6,
        0.06 + 0.4 * w(`CheekSquint${side}`) + 0.3 * w(`EyeSquint${side}`));
    }
  }

  #nose(w) {
    const c = this.context;
    this.#spot(6, 4, 20, "#c98765", 0.32, 2.2);
    this.#spot(-3, 0, 11, "#fff1e6", 0.55, 3);
    for (const [side, e] of [["Right", -1], ["Left", 1]]) {
      const up = 6 * w(`NoseSneer${side}`);
      this.#curve([[e * 19, 33 - up, 8], [e * 25, 38 - up, 8], [e * 23, 50 - up, 6], [e * 12, 48 - up * 0.6, 16]], this.at);
      c.strokeStyle = SKIN.line;
      c.lineWidth = 2;
      c.stroke();
      const [x, y] = this.at(e * 9, 47.5 - up * 0.5, 16);
      c.beginPath();
      c.ellipse(x, y, 4.8, 2.4, e * -0.35, 0, 2 * Math.PI);
      c.fillStyle = "rgba(110, 48, 40, 0.75)";
      c.fill();
      for (const k of [0, 1])
        this.#line([[e * (9 + k * 3), -4 + k * 7], [e * 14, -2 + k * 7], [e * 17, 1 + k * 7], [e * 19, 5 + k * 7]], 1.5,
          0.7 * w(`NoseSneer${side}`));
    }
    this.#spot(1, 50, 15, "#b9714f", 0.5, 0.35);
    const [x, y] = this.at(-2, 36, 26);
    c.fillStyle = this.#gradient(x, y, 0, 11, [[0, "rgba(255, 246, 238, 0.85)"], [1, "rgba(255, 246, 238, 0)"]]);
    c.fillRect(x - 12, y - 12, 24, 24);
    for (const e of [-1, 1]) this.#line([[e * 4, 57], [e * 3.5, 62], [e * 4.5, 66], [e * 5.5, 70]], 1.6, 0.07);
  }

  // Gaze of an eye, -1 to 1 each way: x to the viewer's right, y down. Curves and eyeball rotation say the same twice
  // (a recording has both), so the stronger counts; half a radian is as far as the curves go.
  #gaze(w, side, e) {
    const stronger = (a, b) => (Math.abs(a) >= Math.abs(b) ? a : b);
    const out = w(`EyeLookOut${side}`) - w(`EyeLookIn${side}`);
    const down = w(`EyeLookDown${side}`) - w(`EyeLookUp${side}`);
    return { x: stronger(e * out, -2 * w(`${side}EyeYaw`)), y: stronger(down, 2 * w(`${side}EyePitch`)) };
  }

  #eye(w, side) {
    const c = this.context, e = side === "Left" ? 1 : -1;
    const gaze = this.#gaze(w, side, e), squint = w(`EyeSquint${side}`), cheek = w(`CheekSquint${side}`);
    const shut = clamp01(w(`EyeBlink${side}`) + 0.1 * squint);
    const open = -20 - 9 * w(`EyeWide${side}`) + 6 * squint + 7 * Math.max(0, gaze.y) + 2 * Math.min(0, gaze.y);
    const low = 11 - 8 * squint - 4 * cheek + 1.5 * Math.max(0, gaze.y);
    const lid = open + (Math.max(7, low - 1) - open) * shut, floor = low - 2 * shut + (shut > 0.9 ? 2 : 0);
    const p = (u, v, z = 4) => [e * (50 + u), -24 + v, z];
    const upper = [p(-26, 2), p(-16, lid * 1.2), p(14, lid * 1.22), p(27, 0)];
    c.save();
    this.#curve([...upper, p(16, floor * 1.32), p(-15, floor * 1.32), p(-26, 2)], this.at);
    c.fillStyle = "#fdfaf6";
    c.fill();
    c.clip();
    this.#iris(gaze, e, lid, w(`${side}EyeRoll`));
    c.restore();
    this.#lids(w, side, p, upper, lid, floor, shut);
  }

  #iris(gaze, e, lid, roll) {
    const c = this.context;
    const [x, y] = this.at(e * 50 + 12 * gaze.x, -26 + 8 * gaze.y, 4);
    const disc = (radius, colour, dx = 0, dy = 0) => {
      c.beginPath();
      c.arc(x + dx, y + dy, radius, 0, 2 * Math.PI);
      c.fillStyle = colour;
      c.fill();
    };
    disc(14.5, "#1f3f4d");
    disc(13, this.#gradient(x, y + 4, 2, 14, [[0, "#7fc0c4"], [0.6, "#3d7f8c"], [1, "#2a5a6a"]]));
    c.strokeStyle = "rgba(190, 226, 226, 0.4)"; // the fibres, by which an eye's roll shows
    c.lineWidth = 0.8;
    c.beginPath();
    for (let k = 0; k < 9; k++) {
      const angle = roll + (k * 2 * Math.PI) / 9;
      c.moveTo(x + 7 * Math.cos(angle), y + 7 * Math.sin(angle));
      c.lineTo(x + 11.5 * Math.cos(angle + 0.1), y + 11.5 * Math.sin(angle + 0.1));
    }
    c.stroke();
    disc(6.4, "#0d1a21");
    disc(3.6, "rgba(255, 255, 255, 0.95)", -4.5, -5);
    disc(1.8, "rgba(255, 255, 255, 0.7)", 4.5, 5);
    const [, top] = this.at(e * 50, -24 + lid, 4);
    const shade = c.createLinearGradient(0, top, 0, top + 14);
    shade.addColorStop(0, "rgba(60, 30, 40, 0.45)");
    shade.addColorStop(1, "rgba(60, 30, 40, 0)");
    c.fillStyle = shade;
    c.fillRect(x - 60, top - 20, 120, 34);
  }

  #lids(w, side, p, upper, lid, floor, shut) {
    const c = this.context;
    if (shut > 0.02) { // the lid itself, between its crease and its edge
      this.#curve([...upper, p(15, Math.min(lid, -18) * 1.2), p(-13, Math.min(lid, -18) * 1.15), p(-26, 2)], this.at);
      c.fillStyle = "rgba(222, 155, 125, 0.75)";
      c.fill();
    }
    const crease = Math.min(lid - 5, -22 + 6 * shut - 6 * w(`EyeWide${side}`));
    this.#curve([p(-22, -4), p(-12, crease * 1.16), p(12, crease * 1.22), p(26, -6)], this.at);
    c.strokeStyle = "rgba(140, 72, 55, 0.45)";
    c.lineWidth = 1.6;
    c.stroke();
    this.#curve([p(-26, 2), p(-15, floor * 1.32), p(16, floor * 1.32), p(27, 0)], this.at);
    c.strokeStyle = "rgba(150, 85, 65, 0.5)";
    c.lineWidth = 1.4;
    c.stroke();
    const [a, b, d, end] = upper; // lashes: thin at the nose, thick and winged outside
    this.#curve([a, b, d, end, p(29, -1), p(31, -3), p(32, -5), p(17, lid * 1.22 - 4.5), p(-15, lid * 1.2 - 2.5), a], this.at);
    c.fillStyle = "#2a1a20";
    c.fill();
  }

  #brow(w, side) {
    const c = this.context, e = side === "Left" ? 1 : -1;
    const down = w(`BrowDown${side}`), inner = w("BrowInnerUp"), outer = w(`BrowOuterUp${side}`);
    const pinch = 5 * down;
    const yi = -60 - 17 * inner + 13 * down - 2 * outer;
    const ym = -72 - 8 * inner - 13 * outer + 10 * down;
    const yo = -58 - 15 * outer + 5 * down;
    const p = (x, y) => [e * x, y, 6];
    this.#curve([p(24 - pinch, yi - 4), p(42, ym - 1), p(64, ym - 3), p(88, yo), p(66, ym + 5), p(44, ym + 8),
      p(25 - pinch, yi + 6), p(22 - pinch, yi + 3), p(22 - pinch, yi - 1), p(24 - pinch, yi - 4)], this.at);
    c.fillStyle = "#46303a";
    c.fill();
    this.#line([[e * 7, -66 + 6 * down], [e * 8, -60], [e * 8, -54], [e * 7, -48]], 1.8, 0.55 * down);
  }

  #hair() {
    const c = this.context, z = 8;
    this.#curve([[-120, 20, z], [-136, -60, z], [-128, -194, z], [6, -198, z], [134, -196, z], [138, -62, z], [121, 22, z],
      [124, -30, z], [112, -92, z], [44, -140, z + 40], [10, -112, z + 55], [-62, -112, z + 40], [-98, -58, z + 20],
      [-110, -42, z], [-118, -10, z], [-120, 20, z]]);
    const [x, y] = this.flat(-20, -150, z);
    c.fillStyle = this.#gradient(x, y, 10, 190, [[0, "#6a4a52"], [0.45, HAIR.base], [1, HAIR.deep]]);
    c.fill();
    for (const e of [-1, 1]) { // the locks beside the cheeks
      this.#curve([[e * 112, -60, z], [e * 132, -20, z - 8], [e * 142, 60, z - 28], [e * 122, 122, z - 24],
        [e * 112, 96, z], [e * 104, 60, z], [e * 112, 10, z], [e * 114, -20, z], [e * 112, -40, z], [e * 112, -60, z]]);
      c.fillStyle = HAIR.base;
      c.fill();
    }
    c.strokeStyle = HAIR.shine;
    for (const [k, width] of [[0, 5], [1, 3], [2, 2.5], [3, 2]]) {
      this.#curve([[34 - k * 10, -148 - k * 6, z + 40], [-10 - k * 12, -150 - k * 4, z + 50], [-62 - k * 9, -130 + k * 4, z + 35],
        [-92 - k * 7, -84 + k * 8, z + 10]]);
      c.lineWidth = width;
      c.stroke();
      this.#curve([[54 + k * 10, -150 - k * 2, z + 35], [84 + k * 8, -136, z + 20], [106 + k * 4, -106, z], [116 + k * 3, -70, z]]);
      c.lineWidth = width * 0.7;
      c.stroke();
    }
  }
}
