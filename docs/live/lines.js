"use strict";
/* The line: dragged or set by sliders, read by the network with four heads, and by the
   three networks side by side. */

const TRAINED = { length: [7, 15], width: [1, 3], blue: [0, 1] };
const LEVELS = {
  length: ["short", "long"],
  width: ["thin", "thick"],
  color: ["red", "blue"],
  angle: Array.from({ length: 12 }, (_, k) => `${15 * k}°`),
};
const OF_HEAD = { length: "length", width: "width", color: "blue", angle: "angle" };
const RANGES = {
  length: [1, 26, 0.1],
  width: [0.3, 6, 0.1],
  angle: [0, 179.5, 0.5],
  blue: [0, 1, 0.01],
  x: [0, 28, 0.1],
  y: [0, 28, 0.1],
};
const MAP_LAYER = { four_head_lines: "relu2", tuned_lines: "relu2", plain_lines: "relu1" };
const ROWS = { plain_lines: "baseline CNN", tuned_lines: "tuned", four_head_lines: "four heads" };
const BASELINE_FILE = "live/plain_lines.js";

class LinePanel {
  constructor(descriptions) {
    this.descriptions = descriptions;
    this.net = new Network(descriptions.four_head_lines);
    this.networks = { four_head_lines: this.net, tuned_lines: new Network(descriptions.tuned_lines) };
    this.board = byId("line-board");
    this.pen = this.board.getContext("2d");
    this.small = document.createElement("canvas");
    this.line = { length: 11, width: 1, angle: 30, blue: 0, x: 14, y: 14 };
    this.method = "hirescam";
    this.listeners = [];
    this.show = eachFrame(() => this.paint());
    this.makeSliders();
    this.makeMethods();
    this.heads = new Heads(this);
    this.layers = stagesOf(this.net).map((step, stage) => layerRow(byId("line-layers"), step, stage));
    this.curves = new Curves(this, descriptions.four_head_lines);
    this.makeRows();
    this.listen();
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) {
      const [low, high] = RANGES[name];
      this.line[name] = Math.min(high, Math.max(low, value));
    }
    this.show();
  }

  /* The level that the line truly has of an attribute; null between the trained ones. */
  trueLevel(head, line = this.line) {
    if (head === "angle") {
      const k = Math.round(line.angle / 15);
      return Math.abs(line.angle - 15 * k) <= 2 ? k % 12 : null;
    }
    const value = line[OF_HEAD[head]],
      [low, high] = TRAINED[OF_HEAD[head]],
      near = 0.1 * (high - low);
    return Math.abs(value - low) <= near ? 0 : Math.abs(value - high) <= near ? 1 : null;
  }

  get isInside() {
    return rectangle(this.line).every(p => p.every(v => v >= -1e-6 && v <= SIDE + 1e-6));
  }

  paint() {
    this.image = linePicture(this.line);
    this.blank = !this.image.some(v => v > 0);
    this.net.run(this.image);
    this.answers = Object.fromEntries(this.net.heads.map(({ name }) => [name, this.net.probabilities(name)]));
    byId("line-say").textContent = this.blank
      ? "The line is outside of the picture."
      : `It reads: ${this.inWords(this.levelsOf(this.net))}.`;
    this.paintSliders();
    this.paintBoard();
    for (const layer of this.layers) paintChannels(layer.canvas, layer.step, { ...layer, blank: this.blank });
    this.paintHow();
    for (const { name } of this.net.heads) this.heads.paint(name);
    for (const name of Object.keys(ROWS)) this.paintRow(name);
    this.curves.start();
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      byId("line-live").textContent = this.sentence();
    }, 700);
    for (const listener of this.listeners) listener(this);
  }

  sentence() {
    if (this.blank) return "The line is outside of the picture.";
    return this.net.heads
      .map(({ name }) => {
        const best = argmax(this.answers[name]);
        return `${name}: ${LEVELS[name][best]}, ${percent(this.answers[name][best])}, ${this.verdict(name, best)}`;
      })
      .join("; ");
  }

  // --- sliders and the board -----------------------------------------------------------------

  makeSliders() {
    for (const [name, [low, high, step]] of Object.entries(RANGES)) {
      const input = byId(`line-${name}`);
      Object.assign(input, { min: low, max: high, step });
      input.addEventListener("input", () => this.set({ [name]: Number(input.value) }));
    }
  }

  /* A property of the line in words. */
  textOf(name) {
    const value = this.line[name];
    if (name === "angle") return `${value.toFixed(0)}°`;
    if (name !== "blue") return `${value.toFixed(1)} px`;
    return value < 0.005 ? "red" : value > 0.995 ? "blue" : `${Math.round(100 * value)}% blue`;
  }

  paintSliders() {
    for (const name of Object.keys(RANGES)) {
      const input = byId(`line-${name}`),
        text = this.textOf(name);
      input.value = this.line[name];
      input.setAttribute("aria-valuetext", text);
      input.parentElement.querySelector("output").textContent = text;
    }
  }

  get ends() {
    const { x, y, length, angle } = this.line,
      radians = (angle * Math.PI) / 180,
      dx = (length / 2) * Math.cos(radians),
      dy = (-length / 2) * Math.sin(radians);
    return [
      [x - dx, y - dy],
      [x + dx, y + dy],
    ];
  }

  paintBoard() {
    const { pen } = this,
      pixel = UNITS / SIDE;
    paintImage(this.small, this.image, [SIDE, SIDE, 3]);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.small, 0, 0, UNITS, UNITS);
    pen.lineWidth = 3;
    pen.strokeStyle = "#fff";
    for (const [x, y] of this.ends) {
      pen.beginPath();
      pen.arc(x * pixel, y * pixel, 12, 0, 7);
      pen.stroke();
    }
  }

  // --- answers and their methods -----------------------------------------------------------

  makeMethods() {
    for (const [name, { on }] of Object.entries(METHODS))
      if (on === "layer" || name === "input_gradient") byId("line-method").add(new Option(nameOf(name), name));
    byId("line-method").value = this.method;
    byId("line-method").addEventListener("change", event => {
      this.method = event.target.value;
      this.show();
    });
  }

  /* What is to be said of an answer, where the line has a right one and where not. */
  verdict(head, level) {
    const truth = this.trueLevel(head),
      value = this.textOf(OF_HEAD[head]);
    if (truth == null) return `no right answer: it is ${head === "color" ? "purple" : value}`;
    if (truth === level) return "✓ right";
    return `✗ wrong: it is ${LEVELS[head][truth]}${value.endsWith("px") ? ` (${value})` : ""}`;
  }

  /* Levels of the four attributes in words, each wrong one marked. */
  inWords(levels) {
    return ["length", "width", "color", "angle"]
      .map(head => {
        const truth = this.trueLevel(head);
        return LEVELS[head][levels[head]] + (truth == null || truth === levels[head] ? "" : " (wrong)");
      })
      .join(", ");
  }

  paintHow() {
    const coarse = METHODS[this.method].on === "layer",
      [rows, columns] = this.net.byName[MAP_LAYER.four_head_lines].shape;
    byId("line-how").textContent =
      explanation(this.method, "the answer") +
      (coarse ? ` This layer has ${columns}\u00a0×\u00a0${rows} positions, so the map is coarse.` : "");
    byId("line-empty").hidden = !coarse;
  }

  // --- three networks ---------------------------------------------------------------------------

  makeRows() {
    this.rows = Object.fromEntries(
      Object.entries(ROWS).map(([name, title]) => {
        const row = byId(`row-${name}`);
        return [name, { answer: row.querySelector(".row-answer"), map: row.querySelector("canvas"), title }];
      }),
    );
    byId("load-baseline").addEventListener("click", () => this.loadBaseline().catch(() => {}));
  }

  levelsOf(net) {
    return Object.fromEntries(net.heads.map(({ name }) => [name, net.prediction(name)]));
  }

  /* What a network takes the line for: levels of length, width, color and angle. */
  reading(name) {
    const net = this.networks[name];
    if (!net) return null;
    net.run(this.image);
    if (net.heads.length > 1) {
      return {
        levels: this.levelsOf(net),
        p: net.heads.reduce((all, head) => all * Math.max(...net.probabilities(head.name)), 1),
      };
    }
    const probabilities = net.probabilities(),
      best = argmax(probabilities);
    return {
      levels: {
        length: Math.floor(best / 48),
        width: Math.floor(best / 24) % 2,
        angle: Math.floor(best / 2) % 12,
        color: best % 2,
      },
      p: probabilities[best],
      best,
    };
  }

  paintRow(name) {
    const { answer, map } = this.rows[name],
      read = this.blank ? null : this.reading(name);
    if (!this.networks[name]) return;
    map.hidden = false;
    if (!read) {
      answer.textContent = "The line is outside of the picture.";
      return;
    }
    answer.innerHTML = `<strong>${this.inWords(read.levels)}</strong><br><span class="small">${percent(read.p)}${name === "four_head_lines" ? ", all four together" : ""}</span>`;
    const net = this.networks[name],
      head = name === "four_head_lines" ? "angle" : net.heads[0].name;
    paintLineMap(
      map,
      classActivationMap(net, { method: "hirescam", layer: MAP_LAYER[name], head }),
      this.line,
    );
  }

  /* The baseline CNN is large, so it is loaded only when somebody asks for it. */
  loadBaseline() {
    const button = byId("load-baseline"),
      status = this.rows.plain_lines.answer;
    this.loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = BASELINE_FILE;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${BASELINE_FILE} could not be loaded`));
      document.head.append(script);
    })
      .then(() => {
        this.networks.plain_lines = new Network(self.NETWORKS.plain_lines);
        this.show();
      })
      .catch(error => {
        this.loading = null;
        button.hidden = false;
        status.textContent = `${error.message}.`;
        throw error;
      });
    button.hidden = true;
    status.textContent = "Loading …";
    return this.loading;
  }

  // --- pointer and keyboard ------------------------------------------------------------------------

  /* Put one end of the line at a point; the other stays. */
  dragEnd(point, other) {
    const [dx, dy] = [point[0] - other[0], point[1] - other[1]],
      far = Math.hypot(dx, dy),
      length = Math.min(RANGES.length[1], Math.max(RANGES.length[0], far)),
      angle = ((Math.atan2(-dy, dx) * 180) / Math.PI + 360) % 180,
      half = length / (far || 1) / 2;
    this.set({ length, angle: Math.min(179.5, angle), x: other[0] + dx * half, y: other[1] + dy * half });
  }

  listen() {
    const { board } = this;
    board.width = board.height = UNITS;
    leadTo("to-line-layers", "line-layers-title");
    addEventListener("resize", this.show); // curves are drawn in the size that they have
    let other = null,
      offset = null;
    onePointer(board, [SIDE, SIDE], {
      down: p => {
        const [first, second] = this.ends,
          far = q => Math.hypot(p[0] - q[0], p[1] - q[1]);
        other = Math.min(far(first), far(second)) > 2.5 ? null : far(first) < far(second) ? second : first;
        offset = [p[0] - this.line.x, p[1] - this.line.y];
      },
      move: point => {
        const p = point.map(v => Math.min(SIDE, Math.max(0, v)));
        if (other) this.dragEnd(p, other);
        else this.set({ x: p[0] - offset[0], y: p[1] - offset[1] });
      },
    });
    board.addEventListener("keydown", event => {
      const step = {
        ArrowLeft: ["x", -0.25],
        ArrowRight: ["x", 0.25],
        ArrowUp: ["y", -0.25],
        ArrowDown: ["y", 0.25],
      }[event.key];
      if (!step) return;
      event.preventDefault();
      this.set({ [step[0]]: this.line[step[0]] + step[1] });
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener?.("change", () => this.show());
  }
}
