// Drawing primitives of the face: points of a turned head on the canvas, curves through them, soft spots.
// Units: the head is about 240 wide, the middle of it is (0, 0), y points down, z towards the viewer.

const CAMERA = 950; // distance; smaller exaggerates turns, larger flattens them
const SKIN = { light: "#ffdfc8", base: "#f4c3a3", deep: "#dd9d7c", line: "rgba(150, 84, 60, 0.5)" };

class Brush {
  constructor(context) {
    this.context = context;
    this.pose = { yaw: 0, pitch: 0, roll: 0 }; // radians
    this.at = (x, y, depth = 0) => this.#project(x, y, Brush.#surface(x, y) + depth); // on the face, or before it
    this.flat = (x, y, z) => this.#project(x, y, z);
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

  // Traces a path of [x, y, z] points: the first is where it starts, then three for each curve.
  curve(points, place = this.flat) {
    const c = this.context;
    const p = points.map((point) => place(...point));
    c.beginPath();
    c.moveTo(...p[0]);
    for (let k = 1; k + 2 < p.length; k += 3) c.bezierCurveTo(...p[k], ...p[k + 1], ...p[k + 2]);
  }

  gradient(x0, y0, r0, r1, stops) {
    const colour = this.context.createRadialGradient(x0, y0, r0, x0, y0, r1);
    stops.forEach(([offset, stop]) => colour.addColorStop(offset, stop));
    return colour;
  }

  spot(x, y, radius, colour, alpha, squash = 1) {
    const c = this.context, [px, py] = this.at(x, y, 0);
    c.save();
    c.translate(px, py);
    c.scale(1, squash);
    c.globalAlpha = alpha;
    c.fillStyle = this.gradient(0, 0, 0, radius, [[0, colour], [1, `${colour}00`]]);
    c.fillRect(-radius, -radius, 2 * radius, 2 * radius);
    c.restore();
  }

  // A thin line on the skin through one curve.
  line(points, width, alpha) {
    if (alpha <= 0.01) return;
    const c = this.context;
    this.curve(points.map(([x, y]) => [x, y, 1]), this.at);
    c.strokeStyle = `rgba(140, 72, 50, ${Math.min(0.8, alpha)})`;
    c.lineWidth = width;
    c.stroke();
  }
}
