"use strict";
/* The drawing board for digits: what is drawn, what the network answers, where it looks. */

const UNITS = 560; // of the board, on a side
const METHOD_TEXTS = {
  integrated_gradients: "Pixel by pixel: how much the score rises while the picture fades in from black.",
  hirescam: "On a layer: what each position adds to the score, channel by channel.",
  gradcam: "On a layer: its channels, each weighted by how much it raises the score on average.",
  layercam: "On a layer: the positions whose rise would raise the score.",
  "gradcam++": "On a layer: like Grad-CAM, with weights that count repeated parts.",
  input_gradient: "Pixel by pixel: how much the score changes if the pixel changes a little.",
  occlusion: "A black square of 5 × 5 pixels moves over the picture: where the score falls.",
};

class DigitPanel {
  constructor(description, examples) {
    this.net = new Network(description);
    this.helper = new Network(description); // for maps that take many passes
    this.stages = stagesOf(this.net);
    this.head = this.net.heads[0].name;
    this.layerCount = this.net.randomize(0);
    this.board = byId("board");
    this.pen = this.board.getContext("2d");
    this.small = document.createElement("canvas");
    this.listeners = [];
    this.state = {
      strokes: [],
      erased: [],
      order: [],
      base: null,
      erasing: false,
      target: null,
      overlay: true,
      method: "integrated_gradients",
      layer: this.stages[1].name,
      blackened: new Set(),
      shuffled: 0,
      seed: 7,
    };
    this.explain = inFrames();
    this.show = eachFrame(() => this.paint());
    this.makeBars();
    this.makeExamples(examples);
    this.makeMethods();
    this.layers = new LayerSheets(this);
    this.survivors = new Survivors(this);
    this.listen();
  }

  // --- what is drawn -------------------------------------------------------------------

  setDrawing({ strokes = [], erased = [], base = null, label = null, example = null }) {
    Object.assign(this.state, {
      strokes,
      erased,
      base,
      label,
      example,
      target: null,
      untouched: false,
      order: strokes.map(() => "strokes").concat(erased.map(() => "erased")),
    });
    this.state.blackened.clear();
    this.setErasing(false);
    this.show();
  }

  beginStroke(point) {
    this.stopDemo();
    if (this.state.untouched && !this.state.erasing) {
      this.state.strokes = [];
      this.state.order = [];
    } // the page's own drawing
    this.state.untouched = false;
    this.state.blackened.clear();
    this.state.label = null;
    const kind = this.state.erasing ? "erased" : "strokes";
    this.stroke = [point];
    this.state[kind].push(this.stroke);
    this.state.order.push(kind);
    this.show();
  }

  extendStroke(point) {
    const last = this.stroke.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) > 4) {
      this.stroke.push(point);
      this.show();
    }
  }

  endStroke() {
    this.stroke = null;
    this.show();
  }

  undo() {
    const { state } = this;
    this.stopDemo();
    if (state.blackened.size) state.blackened.clear();
    else {
      const kind = state.order.pop();
      if (kind) state[kind].pop();
      else state.base = null;
    }
    this.show();
  }

  clear() {
    this.stopDemo();
    this.setDrawing({});
  }
  setErasing(on) {
    this.state.erasing = on;
    byId("erase").setAttribute("aria-pressed", String(on));
  }

  /* Black out pixels of the picture, the first ten of an order that a function gives. */
  blackOut(order, count = 10) {
    const { image } = this;
    if (!image) return;
    this.stopDemo();
    const inked = [...image.keys()].filter(i => image[i] > 0);
    for (const i of order(inked).slice(0, count)) this.state.blackened.add(i);
    this.show();
  }

  blackOutImportant(count = 10) {
    this.blackOut(inked => {
      const map = classActivationMap(this.net, { method: "integrated_gradients", head: this.head });
      return inked.sort((a, b) => map[b] - map[a]);
    }, count);
  }

  blackOutRandom() {
    this.blackOut(inked =>
      inked
        .map(i => [Math.random(), i])
        .sort((a, b) => a[0] - b[0])
        .map(([, i]) => i),
    );
  }

  shuffleLayers(count) {
    this.state.shuffled = count;
    for (const net of [this.net, this.helper]) net.randomize(count, randomNumbers(this.state.seed));
    byId("shuffled").value = count;
    this.show();
  }

  // --- answers ---------------------------------------------------------------------------

  paint() {
    const { state, net } = this;
    this.picture = digitPicture(state.strokes, { units: UNITS, erased: state.erased, base: state.base });
    this.image = this.picture?.image ?? null;
    if (this.image) for (const i of state.blackened) this.image[i] = 0;
    this.blank = !this.image || !this.image.some(v => v > 0);
    if (!this.blank) net.run(this.image);
    this.probabilities = this.blank ? Array(10).fill(0) : net.probabilities(this.head);
    this.best = argmax(this.probabilities);
    this.paintAnswer();
    this.paintBars();
    this.layers.paint();
    this.startExplaining();
    this.paintBoard();
    this.announceLater();
    this.survivors.later();
    for (const listener of this.listeners) listener(this);
  }

  sentence() {
    const { probabilities: p, best, state } = this;
    if (this.blank) return ["Draw a digit on the black board.", ""];
    const second = p.map((v, k) => [v, k]).sort((a, b) => b[0] - a[0])[1];
    const sure =
      p[best] > 0.85 ? `A ${best}` : p[best] > 0.55 ? `Probably a ${best}` : `Not sure: perhaps a ${best}`;
    const inked = this.image.filter(v => v > 127).length;
    const notes = [
      second[0] > 0.02 ? `Next: ${second[1]}, with ${percent(second[0])}.` : "No other digit comes near.",
    ];
    if (inked > 400) notes.push("The board is nearly full; it has only seen digits.");
    if (state.label != null)
      notes.push(
        state.label === best
          ? `Whoever wrote it meant a ${state.label}.`
          : `But whoever wrote it meant a ${state.label}.`,
      );
    if (state.blackened.size) notes.push(`${state.blackened.size} pixels are blacked out.`);
    if (state.shuffled) notes.push("Its weights are shuffled: the answer means nothing.");
    return [`${sure}, ${percent(p[best])}.`, notes.join(" ")];
  }

  paintAnswer() {
    const [first, second] = this.sentence();
    byId("digit").textContent = this.blank ? "?" : this.best;
    byId("digit-say").textContent = first;
    byId("digit-next").textContent = second;
    const target = this.state.target ?? this.best;
    byId("digit-why").textContent = this.blank
      ? "Where the evidence is"
      : `Where the evidence for a ${target} is`;
    byId("digit-how").textContent = METHOD_TEXTS[this.state.method];
  }

  announceLater() {
    // once a drawing rests, not with every point
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      byId("digit-live").textContent = this.sentence().join(" ");
    }, 700);
  }

  makeBars() {
    this.bars = Array.from({ length: 10 }, (_, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.innerHTML = `<i></i><em>${k}</em> <span></span>`;
      button.addEventListener("click", () => {
        this.state.target = this.state.target === k ? null : k;
        this.show();
      });
      byId("bars").append(button);
      return { button, bar: button.children[0], text: button.children[2] };
    });
  }

  paintBars() {
    this.bars.forEach(({ button, bar, text }, k) => {
      const p = this.probabilities[k];
      button.classList.toggle("first", !this.blank && k === this.best);
      button.setAttribute("aria-pressed", String(this.state.target === k));
      bar.style.height = `calc((100% - 3.6rem) * ${p.toFixed(4)})`;
      text.textContent = this.blank || p < 0.0005 ? "" : p >= 0.1 ? `${Math.round(100 * p)}%` : percent(p);
    });
  }

  // --- where it looks --------------------------------------------------------------------

  makeMethods() {
    for (const [name, { title }] of Object.entries(METHODS)) byId("method").add(new Option(title, name));
    this.stages.forEach((step, i) =>
      byId("layer").add(new Option(`layer ${i + 1} of ${this.stages.length}`, step.name)),
    );
    byId("method").value = this.state.method;
    byId("layer").value = this.state.layer;
  }

  /* Maps of many passes take several frames. While the pen moves they are made with fewer
     passes, and one is finished before the next begins. */
  startExplaining() {
    if (this.blank) {
      this.explain.stop();
      this.explaining = false;
      this.map = null;
      this.paintMap();
      return;
    }
    if (this.explaining) {
      this.explainAgain = true;
      return;
    }
    const { method, layer } = this.state,
      target = this.state.target ?? this.best,
      picture = this.picture;
    const moving = Boolean(this.stroke || this.state.demo),
      passes = moving ? 8 : 32;
    const options = { method, layer, target, passes, head: this.head };
    if (METHODS[method].on === "layer" || method === "input_gradient") {
      this.map = { values: classActivationMap(this.net, options), picture };
      return this.paintMap();
    }
    this.explaining = true;
    this.helper.run(this.image);
    this.explain(mapInPasses(this.helper, options), values => {
      this.explaining = false;
      this.map = { values, picture };
      if (this.explainAgain || (moving && !this.stroke && !this.state.demo)) {
        this.explainAgain = false;
        this.show();
      }
      this.paintMap();
      this.paintBoard();
    });
  }

  paintMap() {
    paintValues(byId("digit-input"), this.image ?? new Float64Array(784), 28, 255, grayColors);
    paintValues(byId("digit-map"), this.map?.values ?? new Float64Array(784), 28);
  }

  paintBoard() {
    const { pen, state, picture } = this,
      scale = picture?.scale ?? 28 / UNITS,
      overlay = state.overlay && this.map;
    const draw = (strokes, color, width) => {
      pen.strokeStyle = color;
      pen.lineWidth = Math.min(UNITS / 6, width);
      for (const stroke of strokes) {
        pen.beginPath();
        stroke.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
        if (stroke.length === 1) pen.lineTo(stroke[0][0] + 0.1, stroke[0][1]);
        pen.stroke();
      }
    };
    pen.globalCompositeOperation = "source-over";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, UNITS, UNITS);
    pen.lineCap = pen.lineJoin = "round";
    if (state.base) {
      paintValues(this.small, state.base, 28, overlay ? 580 : 255, grayColors);
      pen.imageSmoothingEnabled = true;
      pen.drawImage(this.small, 0, 0, UNITS, UNITS);
    }
    draw(state.strokes, overlay ? "#707070" : "#fff", picture ? (2 * PEN + EDGE / 2) / scale : 44);
    if (state.erased.length) draw(state.erased, "#000", 4.4 / scale);
    pen.fillStyle = "#000";
    if (picture)
      for (const i of state.blackened)
        pen.fillRect(
          ((i % 28) - picture.x) / scale,
          (Math.floor(i / 28) - picture.y) / scale,
          1.02 / scale,
          1.02 / scale,
        );
    if (overlay) this.paintOverlay();
    if (this.cursor) this.paintCursor();
    if (!state.strokes.length && !state.base) {
      pen.fillStyle = "#9a9a9a";
      pen.font = "26px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.fillText("Draw a digit here", UNITS / 2, UNITS / 2);
    }
  }

  /* The map belongs to the centered picture; on the board it goes back to the drawing. */
  paintOverlay() {
    const {
        values,
        picture: { x, y, scale },
      } = this.map,
      high = most(values),
      data = new ImageData(28, 28);
    if (high)
      for (let i = 0; i < 784; i++) {
        const v = values[i] / high;
        data.data.set([255, 90 + 140 * v, 20, 255 * Math.sqrt(v)], 4 * i);
      }
    putOn(this.small, data);
    this.pen.globalCompositeOperation = "screen";
    this.pen.imageSmoothingEnabled = true;
    this.pen.drawImage(this.small, -x / scale, -y / scale, 28 / scale, 28 / scale);
    this.pen.globalCompositeOperation = "source-over";
  }

  // --- examples and the first drawing --------------------------------------------------------

  makeExamples(examples) {
    this.examples = examples.map((example, number) => ({
      ...example,
      number,
      image: Float64Array.from(atob(example.pixels), c => c.charCodeAt(0)),
    }));
    for (const { label, misread, image, number } of this.examples) {
      const button = document.createElement("button"),
        canvas = document.createElement("canvas");
      button.type = "button";
      button.append(canvas);
      button.setAttribute(
        "aria-label",
        misread ? `A ${label} that the network misreads` : `A ${label} of the test digits`,
      );
      paintValues(canvas, image, 28, 255, grayColors);
      button.addEventListener("click", () => this.showExample(number));
      byId(misread ? "examples-misread" : "examples").append(button);
    }
  }

  showExample(number) {
    const example = this.examples[number];
    if (!example) return false;
    this.stopDemo();
    this.setDrawing({ base: example.image, label: example.label, example: number });
    return true;
  }

  /* Draw a digit by itself, so that the page is at work before anybody touches it. */
  startDemo(points) {
    const all = smoothed(points),
      calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.setDrawing({ strokes: [all.slice(0, 1)] });
    this.state.demo = this.state.untouched = true;
    const pace = calm ? all.length : 2;
    let drawn = 1;
    const next = () => {
      if (!this.state.demo) return;
      this.state.strokes[0].push(...all.slice(drawn, drawn + pace));
      drawn += pace;
      if (drawn >= all.length) this.stopDemo();
      this.show();
      if (this.state.demo) requestAnimationFrame(next);
    };
    next();
  }

  stopDemo() {
    this.state.demo = false;
  }

  // --- pointer and keyboard ----------------------------------------------------------------

  listen() {
    const { board } = this;
    board.width = board.height = UNITS;
    const at = event => {
      const box = board.getBoundingClientRect();
      return [
        ((event.clientX - box.left) / box.width) * UNITS,
        ((event.clientY - box.top) / box.height) * UNITS,
      ];
    };
    let pointer = null; // a second finger does not draw
    board.addEventListener("pointerdown", event => {
      if (pointer !== null || event.button > 0) return;
      event.preventDefault();
      pointer = event.pointerId;
      board.setPointerCapture(pointer);
      this.cursor = null;
      this.beginStroke(at(event));
    });
    board.addEventListener("pointermove", event => {
      if (event.pointerId !== pointer || !this.stroke) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.extendStroke(at(each));
    });
    for (const name of ["pointerup", "pointercancel"])
      board.addEventListener(name, event => {
        if (event.pointerId === pointer) {
          pointer = null;
          if (this.stroke) this.endStroke();
        }
      });
    board.addEventListener("keydown", event => this.pressed(event));
    board.addEventListener("blur", () => {
      this.cursor = null;
      if (this.stroke && pointer === null) this.endStroke();
      this.paintBoard();
    });
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("clear", () => this.clear());
    click("undo", () => this.undo());
    click("erase", () => {
      this.stopDemo();
      this.setErasing(!this.state.erasing);
    });
    click("overlay", () => {
      this.state.overlay = !this.state.overlay;
      byId("overlay").setAttribute("aria-pressed", String(this.state.overlay));
      this.show();
    });
    click("black-out", () => this.blackOutImportant());
    click("black-out-random", () => this.blackOutRandom());
    click("put-back", () => {
      this.state.blackened.clear();
      this.show();
    });
    byId("method").addEventListener("change", event => {
      this.state.method = event.target.value;
      byId("layer").hidden = METHODS[event.target.value].on !== "layer";
      this.restartExplaining();
    });
    byId("layer").addEventListener("change", event => {
      this.state.layer = event.target.value;
      this.restartExplaining();
    });
    byId("shuffled").addEventListener("input", event => {
      this.shuffleLayers(Number(event.target.value));
      this.restartExplaining();
    });
    byId("shuffle-again").addEventListener("click", () => {
      this.state.seed++;
      this.shuffleLayers(this.state.shuffled || this.layerCount);
      this.restartExplaining();
    });
  }

  restartExplaining() {
    this.explain.stop();
    this.explaining = this.explainAgain = false;
    this.show();
  }

  /* Arrow keys move a pen, space puts it down and lifts it. */
  pressed(event) {
    const step = { ArrowLeft: [-14, 0], ArrowRight: [14, 0], ArrowUp: [0, -14], ArrowDown: [0, 14] }[
      event.key
    ];
    if (!step && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    this.cursor ??= [UNITS / 2, UNITS / 4];
    if (!step) {
      if (this.stroke) this.endStroke();
      else this.beginStroke([...this.cursor]);
      return;
    }
    this.cursor = this.cursor.map((v, k) => Math.min(UNITS - 10, Math.max(10, v + step[k])));
    if (this.stroke) this.extendStroke([...this.cursor]);
    this.show();
  }

  paintCursor() {
    const [x, y] = this.cursor;
    this.pen.strokeStyle = this.stroke ? "#ffb02a" : "#7ab8ff";
    this.pen.lineWidth = 4;
    this.pen.beginPath();
    this.pen.arc(x, y, 16, 0, 7);
    this.pen.stroke();
  }
}

/* A smooth curve through points (Catmull and Rom). */
function smoothed(points) {
  const made = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b, c, d] = [
      points[i - 1] ?? points[i],
      points[i],
      points[i + 1],
      points[i + 2] ?? points[i + 1],
    ];
    for (let t = 0; t < 1; t += 1 / 8)
      made.push(
        [0, 1].map(
          k =>
            0.5 *
            (2 * b[k] +
              (c[k] - a[k]) * t +
              (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t +
              (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t ** 3),
        ),
      );
  }
  return [...made, points.at(-1)];
}
