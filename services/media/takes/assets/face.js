// The face: a drawn character whose every feature follows the 61 curves, turned in depth by the head's rotation.
// Rotations are radians. Signs: yaw turns to the character's right and pitch looks down, as the eyeballs of Live Link Face
// recordings do (they agree with EyeLookIn and EyeLookDown); roll tilts to the character's right, which is assumed.

const HAIR = { base: "#3b2a35", deep: "#271b25", shine: "rgba(214, 160, 150, 0.28)" };
const VIEW = { width: 420, height: 470, x: 210, y: 218 }; // what the canvas shows, and where the middle of the head is
const CLOSE_UP = 2.1; // enlargement about the mouth

class Face {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.closeUp = false;
    this.scale = 1;
    this.mouthShape = null;
    this.brush = new Brush(this.context);
    this.eyes = new Eyes(this.brush);
    this.mouth = new Mouth(this.context, this.brush.at);
  }

  // Draws one frame; `w(name)` is the weight of a curve.
  draw(w) {
    const c = this.context;
    const limit = (value) => Math.max(-0.7, Math.min(0.7, value));
    this.brush.pose = { yaw: limit(w("HeadYaw")), pitch: limit(w("HeadPitch")), roll: limit(w("HeadRoll")) };
    this.mouthShape = mouthGeometry(w);
    this.#fit();
    this.#neck();
    this.#backHair();
    this.#skin(w);
    this.#cheeks(w);
    this.#nose(w);
    for (const side of ["Right", "Left"]) this.eyes.draw(w, side);
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

  #neck() {
    const c = this.context;
    const follow = Math.sin(this.brush.pose.yaw) * -8;
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
    this.brush.curve([[0, -192, z], [-100, -194, z], [-158, -120, z], [-148, -20, z], [-142, 40, z], [-160, 110, z], [-122, 142, z],
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
    this.brush.curve([[0, -168, z], [-80, -168, z], [-118, -110, z], [-114, -40, z],
      [-113, 0, z], [-cheek - 8, 40, z], [-cheek + 6, 72 + 0.1 * m.drop, z],
      [-jowl + slide * 0.3, 118 + 0.4 * m.drop, z], [-44 + slide, chin, z + 12], [slide, chin, z + 20],
      [44 + slide, chin, z + 12], [jowl + slide * 0.3, 118 + 0.4 * m.drop, z], [cheek - 6, 72 + 0.1 * m.drop, z],
      [cheek + 8, 40, z], [113, 0, z], [114, -40, z], [118, -110, z], [80, -168, z], [0, -168, z]]);
    const [x, y] = this.brush.at(-18, -40, 0);
    c.fillStyle = this.brush.gradient(x, y, 20, 215, [[0, SKIN.light], [0.5, SKIN.base], [1, SKIN.deep]]);
    c.fill();
    c.save();
    c.clip();
    for (const side of [-1, 1]) this.brush.spot(side * 118, 40, 62, "#c07a5c", 0.5, 2.2);
    this.brush.spot(slide, chin - 2, 46, "#c88465", 0.45, 0.4);
    this.brush.spot(slide, chin - 21, 18, "#ffe6d4", 0.38, 0.7);
    this.brush.spot(-20, -132, 90, "#a9644a", 0.3, 0.5);
    const worry = clamp01(w("BrowInnerUp") + 0.4 * (w("BrowOuterUpLeft") + w("BrowOuterUpRight")) - 0.15);
    for (const y of [-92, -80]) this.brush.line([[-38, y + 4], [-16, y - 3], [16, y - 3], [38, y + 4]], 1.6, 0.4 * worry);
    c.restore();
  }

  #cheeks(w) {
    for (const [side, e] of [["Right", -1], ["Left", 1]]) {
      const lift = 9 * w(`CheekSquint${side}`) + 7 * w(`MouthSmile${side}`);
      this.brush.spot(e * 64, 42 - lift, 38, "#ef8a78", 0.36, 0.75);
      this.brush.spot(e * 66, 24 - lift, 24, "#fff0e4", 0.22 + 0.5 * w("CheekPuff"), 0.7);
      const fold = 0.04 + 0.45 * w(`MouthSmile${side}`) + 0.4 * w(`NoseSneer${side}`) + 0.2 * w(`MouthUpperUp${side}`);
      const corner = e > 0 ? this.mouthShape.left : this.mouthShape.right;
      const x = Math.max(34, Math.abs(corner.x) + 9);
      this.brush.line([[e * 26, 43], [e * 34, 48], [e * (x - 7), corner.y - 24], [e * x, corner.y - 4]], 2, fold);
      this.brush.line([[e * 36, 2], [e * 48, 7 - lift * 0.3], [e * 60, 6 - lift * 0.3], [e * 68, 0]], 1.6,
        0.06 + 0.4 * w(`CheekSquint${side}`) + 0.3 * w(`EyeSquint${side}`));
    }
  }

  #nose(w) {
    const c = this.context;
    this.brush.spot(6, 4, 20, "#c98765", 0.32, 2.2);
    this.brush.spot(-3, 0, 11, "#fff1e6", 0.55, 3);
    for (const [side, e] of [["Right", -1], ["Left", 1]]) {
      const up = 6 * w(`NoseSneer${side}`);
      this.brush.curve([[e * 19, 33 - up, 8], [e * 25, 38 - up, 8], [e * 23, 50 - up, 6], [e * 12, 48 - up * 0.6, 16]], this.brush.at);
      c.strokeStyle = SKIN.line;
      c.lineWidth = 2;
      c.stroke();
      const [x, y] = this.brush.at(e * 9, 47.5 - up * 0.5, 16);
      c.beginPath();
      c.ellipse(x, y, 4.8, 2.4, e * -0.35, 0, 2 * Math.PI);
      c.fillStyle = "rgba(110, 48, 40, 0.75)";
      c.fill();
      for (const k of [0, 1])
        this.brush.line([[e * (9 + k * 3), -4 + k * 7], [e * 14, -2 + k * 7], [e * 17, 1 + k * 7], [e * 19, 5 + k * 7]], 1.5,
          0.7 * w(`NoseSneer${side}`));
    }
    this.brush.spot(1, 50, 15, "#b9714f", 0.5, 0.35);
    const [x, y] = this.brush.at(-2, 36, 26);
    c.fillStyle = this.brush.gradient(x, y, 0, 11, [[0, "rgba(255, 246, 238, 0.85)"], [1, "rgba(255, 246, 238, 0)"]]);
    c.fillRect(x - 12, y - 12, 24, 24);
    for (const e of [-1, 1]) this.brush.line([[e * 4, 57], [e * 3.5, 62], [e * 4.5, 66], [e * 5.5, 70]], 1.6, 0.07);
  }

  #hair() {
    const c = this.context, z = 8;
    this.brush.curve([[-120, 20, z], [-136, -60, z], [-128, -194, z], [6, -198, z], [134, -196, z], [138, -62, z], [121, 22, z],
      [124, -30, z], [112, -92, z], [44, -140, z + 40], [10, -112, z + 55], [-62, -112, z + 40], [-98, -58, z + 20],
      [-110, -42, z], [-118, -10, z], [-120, 20, z]]);
    const [x, y] = this.brush.flat(-20, -150, z);
    c.fillStyle = this.brush.gradient(x, y, 10, 190, [[0, "#6a4a52"], [0.45, HAIR.base], [1, HAIR.deep]]);
    c.fill();
    for (const e of [-1, 1]) { // the locks beside the cheeks
      this.brush.curve([[e * 112, -60, z], [e * 132, -20, z - 8], [e * 142, 60, z - 28], [e * 122, 122, z - 24],
        [e * 112, 96, z], [e * 104, 60, z], [e * 112, 10, z], [e * 114, -20, z], [e * 112, -40, z], [e * 112, -60, z]]);
      c.fillStyle = HAIR.base;
      c.fill();
    }
    c.strokeStyle = HAIR.shine;
    for (const [k, width] of [[0, 5], [1, 3], [2, 2.5], [3, 2]]) {
      this.brush.curve([[34 - k * 10, -148 - k * 6, z + 40], [-10 - k * 12, -150 - k * 4, z + 50], [-62 - k * 9, -130 + k * 4, z + 35],
        [-92 - k * 7, -84 + k * 8, z + 10]]);
      c.lineWidth = width;
      c.stroke();
      this.brush.curve([[54 + k * 10, -150 - k * 2, z + 35], [84 + k * 8, -136, z + 20], [106 + k * 4, -106, z], [116 + k * 3, -70, z]]);
      c.lineWidth = width * 0.7;
      c.stroke();
    }
  }
}
