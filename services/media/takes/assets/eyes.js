// Eyes, lids and brows.

class Eyes {
  constructor(brush) {
    this.brush = brush;
    this.context = brush.context;
    this.at = brush.at;
  }

  // Draws the eye and the brow of a side, "Left" or "Right" of the character.
  draw(w, side) {
    this.#eye(w, side);
    this.#brow(w, side);
  }

  // Gaze of an eye, -1 to 1 each way: x to the viewer's right, y down. Curves and eyeball rotation are the same
  // movement (a recording has both), so the stronger counts; half a radian is as far as the curves go.
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
    const p = (u, v, z = -8) => [e * (50 + u), -24 + v, z];
    const upper = [p(-26, 2), p(-16, lid * 1.2), p(14, lid * 1.22), p(27, 0)];
    c.save();
    this.brush.curve([...upper, p(16, floor * 1.32), p(-15, floor * 1.32), p(-26, 2)], this.at);
    c.fillStyle = "#fdfaf6";
    c.fill();
    c.clip();
    this.#iris(gaze, e, lid, w(`${side}EyeRoll`));
    c.restore();
    this.#lids(w, side, p, upper, lid, floor, shut);
  }

  #iris(gaze, e, lid, roll) {
    const c = this.context;
    const [x, y] = this.at(e * 50 + 12 * gaze.x, -26 + 8 * gaze.y, -8);
    const disc = (radius, colour, dx = 0, dy = 0) => {
      c.beginPath();
      c.arc(x + dx, y + dy, radius, 0, 2 * Math.PI);
      c.fillStyle = colour;
      c.fill();
    };
    disc(14.5, "#1f3f4d");
    disc(13, this.brush.gradient(x, y + 4, 2, 14, [[0, "#7fc0c4"], [0.6, "#3d7f8c"], [1, "#2a5a6a"]]));
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
    const [, top] = this.at(e * 50, -24 + lid, -8);
    const shade = c.createLinearGradient(0, top, 0, top + 14);
    shade.addColorStop(0, "rgba(60, 30, 40, 0.45)");
    shade.addColorStop(1, "rgba(60, 30, 40, 0)");
    c.fillStyle = shade;
    c.fillRect(x - 60, top - 20, 120, 34);
  }

  #lids(w, side, p, upper, lid, floor, shut) {
    const c = this.context;
    if (shut > 0.02) { // the lid itself, between its crease and its edge
      this.brush.curve([...upper, p(15, Math.min(lid, -18) * 1.2), p(-13, Math.min(lid, -18) * 1.15), p(-26, 2)], this.at);
      c.fillStyle = "rgba(222, 155, 125, 0.75)";
      c.fill();
    }
    const crease = Math.min(lid - 5, -22 + 6 * shut - 6 * w(`EyeWide${side}`));
    this.brush.curve([p(-22, -4), p(-12, crease * 1.16), p(12, crease * 1.22), p(26, -6)], this.at);
    c.strokeStyle = "rgba(140, 72, 55, 0.45)";
    c.lineWidth = 1.6;
    c.stroke();
    this.brush.curve([p(-26, 2), p(-15, floor * 1.32), p(16, floor * 1.32), p(27, 0)], this.at);
    c.strokeStyle = "rgba(150, 85, 65, 0.5)";
    c.lineWidth = 1.4;
    c.stroke();
    const [a, b, d, end] = upper; // lashes: thin at the nose, thick and winged outside
    this.brush.curve([a, b, d, end, p(29, -1), p(31, -3), p(32, -5), p(17, lid * 1.22 - 4.5), p(-15, lid * 1.2 - 2.5), a], this.at);
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
    const p = (x, y) => [e * x, y, 0];
    this.brush.curve([p(24 - pinch, yi - 4), p(42, ym - 1), p(64, ym - 3), p(88, yo), p(66, ym + 5), p(44, ym + 8),
      p(25 - pinch, yi + 6), p(22 - pinch, yi + 3), p(22 - pinch, yi - 1), p(24 - pinch, yi - 4)], this.at);
    c.fillStyle = "#46303a";
    c.fill();
    this.brush.line([[e * 7, -66 + 6 * down], [e * 8, -60], [e * 8, -54], [e * 7, -48]], 1.8, 0.55 * down);
  }
}
