"use strict";
/* The page of any model: an image is dropped or drawn, and every layer is to be seen. */

const MOST_SHOWN = 96; // channels of a layer
const MOST_BARS = 10; // classes of a head
const BOARD_SIDE = 448; // px, about

class Viewer {
  constructor(description) {
    this.net = new Network(description);
    this.helper = new Network(description);
    this.board = byId("board");
    this.pen = this.board.getContext("2d", { willReadFrequently: true });
    this.small = document.createElement("canvas");
    this.method = "integrated_gradients";
    this.head = this.net.heads[0].name;
    this.target = null;
    this.overlay = true;
    this.explain = inFrames();
    this.ascend = inFrames();
    this.show = eachFrame(() => this.paint());
    const [height, width, channels] = description.image,
      zoom = Math.max(1, Math.round(BOARD_SIDE / Math.max(height, width)));
    this.board.width = width * zoom;
    this.board.height = height * zoom;
    this.board.style.aspectRatio = `${width} / ${height}`;
    this.drawn = document.createElement("canvas"); // the image without the map
    this.drawn.width = this.board.width;
    this.drawn.height = this.board.height;
    byId("about").textContent =
      `${description.parameters.toLocaleString("en")} weights; it takes an image of ${width} × ${height} pixels, ${channels === 1 ? "gray" : "in color"}. An answer takes ${(description.macs / 1e6).toFixed(1)} million multiplications, here in your browser.`;
    byId("size").textContent = `${width} × ${height}`;
    this.makeMethods();
    this.makeHeads();
    this.listen();
    this.clear();
  }

  clear() {
    const g = this.drawn.getContext("2d");
    g.fillStyle = "#000";
    g.fillRect(0, 0, this.drawn.width, this.drawn.height);
    this.image = null;
    this.show();
  }

  /* The image as the model takes it: resized, values of 0…255. */
  read() {
    const [height, width, channels] = this.net.image.shape,
      { small } = this;
    small.width = width;
    small.height = height;
    const g = small.getContext("2d", { willReadFrequently: true });
    g.imageSmoothingQuality = "high";
    g.drawImage(this.drawn, 0, 0, width, height);
    const { data } = g.getImageData(0, 0, width, height),
      image = Float64Array.from(data).filter((_, i) => i % 4 < 3); // without transparency
    if (channels === 3) return image;
    const gray = (_, p) => 0.299 * image[3 * p] + 0.587 * image[3 * p + 1] + 0.114 * image[3 * p + 2];
    return Float64Array.from({ length: height * width }, gray);
  }

  /* Show an image of 0…255 that has the model's size. */
  setImage(values) {
    this.image = Float64Array.from(values);
    paintImage(this.small, this.image, this.net.image.shape);
    const g = this.drawn.getContext("2d");
    g.imageSmoothingEnabled = false;
    g.drawImage(this.small, 0, 0, this.drawn.width, this.drawn.height);
    this.show();
  }

  async openFile(file) {
    try {
      const bitmap = await createImageBitmap(file),
        g = this.drawn.getContext("2d");
      g.fillRect(0, 0, this.drawn.width, this.drawn.height);
      g.imageSmoothingEnabled = true;
      g.drawImage(bitmap, 0, 0, this.drawn.width, this.drawn.height);
      this.image = null;
      byId("problem").hidden = true;
      this.show();
    } catch {
      byId("problem").hidden = false;
      byId("problem").textContent = `${file.name} is not an image that this browser can read.`;
    }
  }

  paint() {
    const image = this.image ?? this.read(),
      from = performance.now();
    this.net.run(image);
    this.time = performance.now() - from;
    byId("time").textContent = `The last answer took ${this.time.toFixed(0)} ms.`;
    paintImage(byId("input"), image, this.net.image.shape);
    this.paintHeads();
    this.paintLayers();
    this.paintChannel();
    this.startExplaining(image);
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      byId("answer-live").textContent = this.net.heads
        .map(({ name }) => `${name}: ${this.className(name, this.net.prediction(name))}`)
        .join("; ");
    }, 700);
  }

  className(head, index) {
    const { class_names: names } = this.net.description;
    return names?.length === this.net.head(head).classes ? names[index] : String(index);
  }

  makeHeads() {
    for (const { name, kind } of this.net.heads) {
      const section = document.createElement("section");
      section.innerHTML = `<h2></h2><div class="answers"></div>`;
      section.firstChild.textContent = kind === "linear" ? `${name} (scores)` : name;
      byId("heads").append(section);
      section.addEventListener("click", event => {
        const button = event.target.closest("button");
        if (!button) return;
        const same = this.head === name && this.target === Number(button.value);
        this.head = name;
        this.target = same ? null : Number(button.value);
        this.show();
      });
    }
  }

  paintHeads() {
    this.net.heads.forEach(({ name, kind }, n) => {
      const values = this.net.probabilities(name),
        order = values
          .map((v, k) => [v, k])
          .sort((a, b) => b[0] - a[0])
          .slice(0, MOST_BARS);
      const place = byId("heads").children[n].lastChild;
      place.replaceChildren(
        ...order.map(([v, k]) => {
          const button = document.createElement("button");
          button.type = "button";
          button.value = k;
          button.className = "choice";
          button.innerHTML = `<span></span><i></i><em></em>`;
          button.children[0].textContent = this.className(name, k);
          button.children[1].style.width = `${kind === "linear" ? 0 : 100 * v}%`;
          button.children[2].textContent = kind === "linear" ? v.toPrecision(3) : percent(v);
          button.setAttribute("aria-pressed", String(this.head === name && this.target === k));
          return button;
        }),
      );
    });
  }

  makeMethods() {
    for (const [name, { title }] of Object.entries(METHODS)) byId("method").add(new Option(title, name));
    const spatial = this.net.spatialSteps();
    for (const step of spatial)
      for (const id of ["layer", "shown"]) byId(id).add(new Option(step.name, step.name));
    this.stages = stagesOf(this.net);
    this.layer = (this.stages.at(-1) ?? spatial.at(-1))?.name;
    this.shown = this.stages[0]?.name ?? spatial[0]?.name;
    byId("method").value = this.method;
    byId("layer").value = this.layer;
    byId("shown").value = this.shown;
  }

  startExplaining(image) {
    const target = this.target ?? this.net.prediction(this.head),
      { method, layer, head } = this;
    byId("layer").hidden = METHODS[method].on !== "layer";
    byId("map-text").textContent = `Where the evidence for ${this.className(head, target)} is`;
    const done = values => {
      this.map = values;
      this.paintMap();
    };
    if (METHODS[method].on === "layer" && !this.net.dependsOn(head, this.net.byName[layer]))
      return done(new Float64Array(image.length / this.net.image.shape[2]));
    if (METHODS[method].on === "layer")
      return done(classActivationMap(this.net, { method, layer, head, target }));
    this.helper.run(image);
    this.explain(mapInPasses(this.helper, { method, head, target }), done);
    this.paintMap();
  }

  paintMap() {
    const [, width] = this.net.image.shape,
      { pen, board } = this;
    if (this.map) paintValues(byId("map"), this.map, width);
    pen.globalCompositeOperation = "source-over";
    pen.drawImage(this.drawn, 0, 0);
    if (!this.overlay || !this.map) return;
    pen.globalAlpha = 0.55;
    pen.drawImage(byId("map"), 0, 0, board.width, board.height);
    pen.globalAlpha = 1;
  }

  paintLayers() {
    const step = this.net.byName[this.shown];
    if (!step) return;
    if (this.sheet?.step !== step) this.makeSheet(step);
    paintChannels(this.sheet.canvas, step, {
      columns: this.sheet.columns,
      count: this.sheet.count,
      chosen: this.unit ?? -1,
    });
  }

  makeSheet(step) {
    const [h, w, channels] = step.shape,
      count = Math.min(MOST_SHOWN, channels),
      columns = w > 40 ? 8 : 16,
      canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.style.width = "100%";
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `Responses of the filters of ${step.name}. Arrow keys choose a filter`);
    const text = document.createElement("p");
    text.className = "small";
    text.textContent = `${step.name}: ${channels} channels of ${w} × ${h} positions${step.grid ? `; a position sees ${step.grid[1].size} × ${step.grid[0].size} pixels` : ""}${count < channels ? `; the first ${count} are shown` : ""}.`;
    byId("layers").replaceChildren(text, canvas);
    this.sheet = { step, canvas, columns, count };
    chooseChannels(canvas, {
      columns,
      count,
      chosen: () => this.unit ?? -1,
      choose: unit => this.chooseChannel(unit),
    });
  }

  chooseChannel(unit) {
    this.unit = unit;
    byId("channel").hidden = unit == null;
    if (unit == null) this.ascend.stop();
    else {
      this.ascentNet ??= new Network(this.net.description);
      const ascent = new Ascent(this.ascentNet, this.shown, unit, { objective: "center" });
      const paint = () => paintImage(byId("channel-best"), ascent.image, this.net.image.shape);
      const work = function* () {
        while (ascent.steps < 100) {
          ascent.up();
          yield;
        }
      };
      this.ascend(work(), paint, paint);
    }
    this.show();
  }

  paintChannel() {
    if (this.unit == null) return;
    const step = this.net.byName[this.shown],
      [h, w, c] = step.shape,
      [height, width] = this.net.image.shape;
    const values = Float64Array.from({ length: h * w }, (_, p) => step.value[p * c + this.unit]),
      at = argmax(values);
    paintValues(byId("channel-map"), values, w);
    const canvas = byId("channel-field"),
      g = canvas.getContext("2d"),
      zoom = Math.max(1, Math.round(224 / width)),
      field = receptiveField(step, Math.floor(at / w), at % w);
    canvas.width = width * zoom;
    canvas.height = height * zoom;
    g.imageSmoothingEnabled = false;
    g.drawImage(byId("input"), 0, 0, canvas.width, canvas.height);
    g.strokeStyle = "#ffb02a";
    g.lineWidth = 3;
    if (field && values[at] > 0)
      g.strokeRect(field.x * zoom, field.y * zoom, field.width * zoom, field.height * zoom);
    byId("channel-title").textContent = `${step.name}, filter ${this.unit + 1} of ${c}`;
    byId("channel-text").textContent = `Strongest response: ${values[at].toPrecision(3)}.`;
  }

  listen() {
    const { board } = this,
      on = (id, name, action) => byId(id).addEventListener(name, action);
    const width = () => (Number(byId("pen").value) * board.width) / this.net.image.shape[1];
    const tell = () => {
      byId("pen").parentElement.querySelector("output").textContent = `${byId("pen").value} px`;
    };
    let last = null;
    const stroke = to => {
      const g = this.drawn.getContext("2d");
      g.strokeStyle = "#fff";
      g.lineWidth = width();
      g.lineCap = "round";
      g.beginPath();
      g.moveTo(...last);
      g.lineTo(to[0] + 0.01, to[1]);
      g.stroke();
      last = to;
      this.image = null;
      this.show();
    };
    onePointer(board, [board.width, board.height], {
      down: point => {
        last = point;
        stroke(point);
      },
      move: stroke,
    });
    on("clear", "click", () => this.clear());
    on("overlay", "click", () => {
      this.overlay = !this.overlay;
      byId("overlay").setAttribute("aria-pressed", String(this.overlay));
      this.paintMap();
    });
    on("pen", "input", tell);
    on("file", "change", event => {
      if (event.target.files[0]) this.openFile(event.target.files[0]);
    });
    on("method", "change", event => {
      this.method = event.target.value;
      this.show();
    });
    on("layer", "change", event => {
      this.layer = event.target.value;
      this.show();
    });
    on("shown", "change", event => {
      this.shown = event.target.value;
      this.chooseChannel(null);
    });
    on("channel-close", "click", () => this.chooseChannel(null));
    addEventListener("dragover", event => event.preventDefault());
    addEventListener("drop", event => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      if (file) this.openFile(file);
    });
    addEventListener("paste", event => {
      const file = [...event.clipboardData.files][0];
      if (file) this.openFile(file);
    });
    tell();
  }
}
