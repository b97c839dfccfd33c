"use strict";
/* The drawing board for digits: what is drawn, what the network answers, where it looks. */

class DigitPanel {
  constructor(description, examples) {
    this.net = new Network(description);
    this.stages = stagesOf(this.net);
    this.head = this.net.heads[0].name;
    this.layerCount = this.net.randomize(0);
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
    this.show = eachFrame(() => this.paint());
    this.makeBars();
    this.makeExamples(examples);
    this.evidence = new Evidence(this);
    this.board = new DigitBoard(this);
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

  /* Black out pixels of the picture, the first of an order that a function gives. */
  blackOut(order, count = 10) {
    const { image } = this;
    if (!image) return;
    this.stopDemo();
    const inked = [...image.keys()].filter(i => image[i] > 0);
    for (const i of order(inked).slice(0, count)) this.state.blackened.add(i);
    this.show();
  }

  blackOutLightest(method = this.state.method, count = 10) {
    this.blackOut(inked => {
      const { layer } = this.state,
        map = classActivationMap(this.net, { method, layer, head: this.head, target: this.target });
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
    for (const net of [this.net, this.evidence.net]) net.randomize(count, randomNumbers(this.state.seed));
    byId("shuffled").value = count;
    this.show();
  }

  // --- answers ---------------------------------------------------------------------------

  /* The digit whose evidence is shown. */
  get target() {
    return this.state.target ?? this.best;
  }

  paint() {
    const { state, net } = this;
    this.picture = digitPicture(state.strokes, { units: UNITS, erased: state.erased, base: state.base });
    this.image = this.picture?.image ?? null;
    if (this.image) for (const i of state.blackened) this.image[i] = 0;
    this.blank = !this.image || !this.image.some(v => v > 0);
    if (!this.blank) net.run(this.image);
    this.probabilities = this.blank ? Array(10).fill(0) : net.probabilities(this.head);
    this.best = argmax(this.probabilities);
    if (!state.blackened.size) this.whole = this.best;
    this.paintAnswer();
    this.paintBars();
    this.layers.paint();
    this.evidence.start();
    this.board.paint();
    this.announceLater();
    this.survivors.later();
    for (const listener of this.listeners) listener(this);
  }

  sentence() {
    const { probabilities: p, best, state } = this;
    if (this.blank) return ["Draw a digit on the black board.", ""];
    const second = p.map((v, k) => [v, k]).sort((a, b) => b[0] - a[0])[1];
    const name = aDigit(best),
      sure = p[best] > 0.85 ? name : p[best] > 0.55 ? `probably ${name}` : `not sure: perhaps ${name}`;
    const inked = this.image.filter(v => v > 127).length;
    const notes = [
      second[0] > 0.02 ? `Next: ${second[1]}, with ${percent(second[0])}.` : "No other digit comes near.",
    ];
    if (inked > 400) notes.push("The board is nearly full; it has only seen digits.");
    if (state.label != null)
      notes.push(
        state.label === best
          ? `Whoever wrote it meant ${aDigit(state.label)}.`
          : `But whoever wrote it meant ${aDigit(state.label)}.`,
      );
    if (state.blackened.size) notes.push(this.outcome());
    if (state.shuffled) notes.push("Its weights are shuffled: the answer means nothing.");
    return [`${sure[0].toUpperCase()}${sure.slice(1)}, ${percent(p[best])}.`, notes.join(" ")];
  }

  /* What became of the answer without some pixels. */
  outcome() {
    const { best, whole, probabilities } = this,
      count = this.state.blackened.size;
    if (!count) return "";
    if (this.blank) return "Nothing is left of the drawing.";
    const change = best === whole ? "still" : "now";
    return `Without ${count} pixels: ${change} ${aDigit(best)}, ${percent(probabilities[best])}.`;
  }

  paintAnswer() {
    const [first, second] = this.sentence();
    byId("digit").textContent = this.blank ? "?" : this.best;
    byId("digit-say").textContent = first;
    byId("digit-next").textContent = second;
    this.paintKeys();
  }

  /* What the colors mean, and what can be done with them. */
  paintKeys() {
    const { method, overlay, blackened } = this.state,
      answer = this.blank ? "the answer" : aDigit(this.target),
      meaning = meaningOf(method, answer);
    byId("step-of").textContent = this.blank ? "drawing" : this.best;
    byId("digit-key").style.visibility = overlay && !this.blank ? "" : "hidden";
    byId("digit-yellow").textContent =
      method === "input_gradient"
        ? `Yellow: ${meaning}.`
        : `Where it looked. Yellow: strong ${meaning}; plain gray: hardly any.`;
    byId("digit-why").textContent = `The lighter, the more ${meaning}`;
    byId("digit-how").textContent = explanation(method, answer);
    byId("put-back").disabled = !blackened.size;
    byId("outcome").textContent = this.outcome();
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
      text.textContent = this.blank || p < 0.0005 ? "" : percent(p);
    });
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
      if (misread) {
        const read = this.net.run(image).prediction(this.head);
        button.append(`${label} → ${read}`);
        button.setAttribute(
          "aria-label",
          `${label} → ${read}: meant as ${aDigit(label)}, read as ${aDigit(read)}`,
        );
      } else button.setAttribute("aria-label", `${aDigit(label)} of the test digits`);
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

  startDemo(points) {
    this.board.drawDemo(points);
  }
  stopDemo() {
    this.state.demo = false;
  }

  // --- buttons ---------------------------------------------------------------------------

  listen() {
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
    click("black-out", () => this.blackOutLightest());
    click("black-out-random", () => this.blackOutRandom());
    click("put-back", () => {
      this.state.blackened.clear();
      this.show();
    });
    leadTo("to-layers", "layers-title");
    byId("shuffled").addEventListener("input", event => {
      this.shuffleLayers(Number(event.target.value));
      this.evidence.restart();
    });
    byId("shuffle-again").addEventListener("click", () => {
      this.state.seed++;
      this.shuffleLayers(this.state.shuffled || this.layerCount);
      this.evidence.restart();
    });
  }
}
