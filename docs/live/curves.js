"use strict";
/* The four cards of a line: what each head answers, where its evidence is, and what it
   answers while only its own attribute of the line changes. */

// first and last value, and how many
const CURVES = { length: [1, 24, 47], width: [0.3, 5, 48], color: [0, 1, 41], angle: [0, 180, 73] };
const ZOOM = 8; // of a map, so that the line's outline is thin
const OUTLINE = "#ffb02a"; // the color of your line in maps

const mapSource = document.createElement("canvas");

/* A map in gray, as lines are red and blue, with the outline of the line. */
function paintLineMap(canvas, values, line) {
  const pen = canvas.getContext("2d");
  canvas.width = canvas.height = SIDE * ZOOM;
  paintValues(mapSource, values, SIDE, most(values), grayColors);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(mapSource, 0, 0, canvas.width, canvas.height);
  pen.strokeStyle = OUTLINE;
  pen.lineWidth = 3;
  pen.beginPath();
  for (const corner of rectangle(line)) pen.lineTo(...corner.map(v => v * ZOOM));
  pen.closePath();
  pen.stroke();
}

class Heads {
  constructor(panel) {
    this.panel = panel;
    this.cards = Object.fromEntries(panel.net.heads.map(({ name }) => [name, this.make(name)]));
  }

  make(name) {
    const card = document.createElement("section");
    card.className = "head";
    card.innerHTML = `<header><h2>${name}?</h2><span></span></header><p class="small verdict"></p><div class="two"><canvas class="map" width="28" height="28" role="img" aria-label="Where the evidence for the ${name} is"></canvas><canvas class="curve" role="img" aria-label="Probability of the answer against ${name}"></canvas></div><p class="small key"></p>`;
    byId("heads").append(card);
    const [answer, verdict, map, curve, key] = ["span", ".verdict", ".map", ".curve", ".key"].map(part =>
      card.querySelector(part),
    );
    return { answer, verdict, map, curve, key };
  }

  paint(name) {
    const { answer, verdict, map, key } = this.cards[name],
      { panel } = this,
      probabilities = panel.answers[name],
      target = argmax(probabilities),
      level = LEVELS[name][target];
    answer.innerHTML = panel.blank ? "" : `<b>${level}</b> ${percent(probabilities[target])}`;
    verdict.textContent = panel.blank ? "" : panel.verdict(name, target);
    key.textContent = panel.blank ? "" : `Bright: ${meaningOf(panel.method, `“${level}”`)}.`;
    const layer = MAP_LAYER.four_head_lines,
      values = panel.blank
        ? new Float64Array(SIDE * SIDE)
        : classActivationMap(panel.net, { method: panel.method, layer, head: name, target });
    paintLineMap(map, values, panel.line);
  }
}

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

  /* The plot inside of a canvas: text is outside, in the size of the page. */
  frame(name) {
    const canvas = this.panel.heads.cards[name].curve,
      g = canvas.getContext("2d"),
      density = self.devicePixelRatio || 1,
      { clientWidth: width, clientHeight: height } = canvas,
      [low, high] = CURVES[name],
      [left, right, top, base] = [24, width - 8, 20, height - 20];
    canvas.width = width * density;
    canvas.height = height * density;
    g.scale(density, density);
    g.font = "12px system-ui, sans-serif";
    const x = v => left + ((right - left) * (v - low)) / (high - low),
      y = p => base - (base - top) * p;
    return { g, left, right, top, base, x, y };
  }

  paint(name) {
    const { answers, line } = this.panel,
      [low, high] = CURVES[name],
      style = getComputedStyle(document.body),
      color = variable => style.getPropertyValue(variable),
      plot = this.frame(name),
      { g, left, right, top, base, x } = plot;
    if (right <= left) return; // on a tab that is not open
    const classes = name === "angle" ? likeliestTwo(answers.angle) : [1];
    const shades = [color("--accent"), color("--soft")];
    g.strokeStyle = color("--line");
    g.strokeRect(left, top, right - left, base - top);
    g.fillStyle = color("--soft");
    g.fillText(name === "angle" ? "100%" : `100% ${LEVELS[name][1]}`, 0, top - 7);
    g.fillText("0%", 0, base);
    const marks =
      name === "angle"
        ? classes.map((k, i) => ({ v: 15 * k, text: LEVELS.angle[k], shade: shades[i] }))
        : TRAINED[OF_HEAD[name]].map((v, i) => ({
            v,
            text: name === "color" ? LEVELS.color[i] : `${v} px`,
            shade: color("--soft"),
          }));
    this.paintMarks(plot, marks);
    classes.forEach((k, i) => this.paintCurve(plot, this.points[name], k, shades[i]));
    const at = x(Math.min(high, Math.max(low, line[OF_HEAD[name]])));
    drawLine(g, color("--warm"), 2, [at, top], [at, base]);
  }

  /* Dotted: what the network was trained with; two labels that would meet are moved apart. */
  paintMarks({ g, left, right, top, base, x }, marks) {
    const close = Math.abs(x(marks[0].v) - x(marks.at(-1).v)) < 34;
    for (const { v, text, shade } of marks) {
      g.setLineDash([2, 4]);
      drawLine(g, shade, 1, [x(v), top], [x(v), base]);
      g.setLineDash([]);
      const lower = v === Math.min(...marks.map(mark => mark.v)),
        half = g.measureText(text).width / 2,
        middle = x(v) + (close && marks.length > 1 ? (lower ? -half : half) : 0);
      g.fillStyle = shade;
      g.textAlign = "center";
      g.fillText(text, Math.min(right + 8 - half, Math.max(left + half, middle)), base + 15);
    }
  }

  paintCurve({ g, x, y }, points, k, shade) {
    drawLine(g, shade, 2, ...points.map(([v, p]) => [x(v), y(p[k])]));
  }
}

function drawLine(g, shade, width, ...points) {
  g.strokeStyle = shade;
  g.lineWidth = width;
  g.beginPath();
  for (const point of points) g.lineTo(...point);
  g.stroke();
}

/* The answer and its strongest rival. */
const likeliestTwo = probabilities =>
  [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 2);
