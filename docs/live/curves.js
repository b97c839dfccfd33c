"use strict";
/* What each head answers while only its own attribute of the line changes. */

// first and last value, and how many
const CURVES = { length: [1, 24, 47], width: [0.3, 5, 48], color: [0, 1, 41], angle: [0, 180, 73] };

class Curves {
  constructor(panel, description) {
    this.panel = panel;
    this.net = new Network(description);
    this.points = {};
    this.sweep = inFrames({ budget: 7 });
  }

  start() {
    for (const name of Object.keys(this.points)) this.paint(name);
    this.sweep(this.work({ ...this.panel.line }));
  }

  *work(line) {
    for (const [name, [low, high, count]] of Object.entries(CURVES)) {
      const points = [];
      for (let i = 0; i < count; i++) {
        const value = low + ((high - low) * i) / (count - 1);
        this.net.run(linePicture({ ...line, [OF_HEAD[name]]: value }));
        points.push([value, this.net.probabilities(name)]);
        yield;
      }
      this.points[name] = points;
      this.paint(name);
    }
  }

  paint(name) {
    const { cards, answers, line } = this.panel,
      canvas = cards[name].curve,
      g = canvas.getContext("2d"),
      [low, high] = CURVES[name],
      style = getComputedStyle(document.body);
    const color = variable => style.getPropertyValue(variable),
      { width: W, height: H } = canvas,
      base = H - 34,
      top = 8;
    const X = v => 10 + ((W - 20) * (v - low)) / (high - low),
      Y = p => base - (base - top) * p;
    g.clearRect(0, 0, W, H);
    g.font = "22px system-ui, sans-serif";
    g.textAlign = "center";
    g.strokeStyle = color("--line");
    g.lineWidth = 2;
    g.strokeRect(10, top, W - 20, base - top);
    const marks =
      name === "angle"
        ? [0, 45, 90, 135].map(v => [v, `${v}°`])
        : TRAINED[OF_HEAD[name]].map((v, i) => [v, name === "color" ? LEVELS.color[i] : `${v} px`]);
    g.fillStyle = color("--soft");
    for (const [v, text] of marks) {
      g.setLineDash([4, 6]);
      g.beginPath();
      g.moveTo(X(v), base);
      g.lineTo(X(v), top);
      g.stroke();
      g.setLineDash([]);
      g.fillText(text, Math.min(W - 36, Math.max(36, X(v))), H - 8);
    }
    const curve = (k, stroke) => {
      g.strokeStyle = stroke;
      g.lineWidth = 4;
      g.beginPath();
      this.points[name].forEach(([v, p], i) => (i ? g.lineTo(X(v), Y(p[k])) : g.moveTo(X(v), Y(p[k]))));
      g.stroke();
    };
    if (name !== "angle") g.fillText(LEVELS[name][1], 50, top + 28); // whose probability it is
    if (name === "angle")
      for (let k = 0; k < 12; k++)
        curve(k, k === argmax(answers.angle) ? color("--accent") : color("--bar"));
    else curve(1, color("--accent"));
    const at = X(Math.min(high, Math.max(low, line[OF_HEAD[name]])));
    g.strokeStyle = color("--warm");
    g.lineWidth = 3;
    g.beginPath();
    g.moveTo(at, top);
    g.lineTo(at, base);
    g.stroke();
  }
}
