"use strict";
/* What every layer makes of the drawing, and a closer look at one filter: its response,
   its receptive field, an image made for it. */

/* A row of the page for a layer: what it is, and a canvas for all its channels. */
function layerRow(place, step, stage) {
  const [h, w, count] = step.shape,
    size = Math.min(28, step.grid[0].size),
    row = document.createElement("div"),
    canvas = document.createElement("canvas");
  row.className = "layer";
  const patch = size === 28 ? "the whole picture" : `a patch of ${size} × ${size} pixels`,
    squares = w > 7 ? "" : " Each square says how strongly a pattern was found around there.";
  row.innerHTML = `<div><h3>Layer ${stage + 1}</h3><p class="small">${count} patterns, searched at ${w} × ${h} positions, each in ${patch}.${squares}</p></div>`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `What the ${count} filters of layer ${stage + 1} found`);
  row.append(canvas);
  place.append(row);
  return { step, canvas, columns: count > 64 ? 24 : 16, row };
}

class LayerSheets {
  constructor(panel) {
    this.panel = panel;
    this.ascend = inFrames();
    this.chosen = null; // { stage, unit }
    this.sheets = panel.stages.map((step, stage) => {
      const sheet = layerRow(byId("layers"), step, stage),
        { canvas, columns } = sheet,
        count = step.shape[2];
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "application");
      canvas.setAttribute(
        "aria-label",
        `Responses of the ${count} filters of layer ${stage + 1}. Arrow keys choose a filter`,
      );
      const chosen = () => (this.chosen?.stage === stage ? this.chosen.unit : -1);
      chooseChannels(canvas, { columns, count, chosen, choose: unit => this.choose(stage, unit) });
      return { ...sheet, chosen };
    });
    byId("channel-close").addEventListener("click", () => this.choose(null));
  }

  paint() {
    for (const { step, canvas, columns, chosen } of this.sheets)
      paintChannels(canvas, step, { columns, blank: this.panel.blank, chosen: chosen() });
    this.paintChosen();
  }

  /* Look closer at a filter; null closes that. */
  choose(stage, unit) {
    const before = this.chosen,
      place = byId("channel");
    this.chosen = stage == null ? null : { stage, unit };
    place.hidden = stage == null;
    if (stage == null) {
      this.ascend.stop();
      this.sheets[before?.stage ?? 0].canvas.focus();
    } else {
      this.sheets[stage].row.append(place);
      byId("channel-title").textContent =
        `Layer ${stage + 1}, filter ${unit + 1} of ${this.sheets[stage].step.shape[2]}`;
      this.startAscent(stage, unit);
    }
    this.panel.show();
  }

  startAscent(stage, unit) {
    this.net ??= new Network(this.panel.net.description);
    const ascent = new Ascent(this.net, this.sheets[stage].step.name, unit, {
      objective: "center",
      background: 0,
    });
    const paint = () => paintImage(byId("channel-best"), ascent.image, [28, 28, 1]);
    const steps = function* () {
      while (ascent.steps < 150) {
        ascent.up();
        yield;
      }
    };
    this.ascend(steps(), paint, paint);
  }

  paintChosen() {
    if (!this.chosen) return;
    const { stage, unit } = this.chosen,
      { step } = this.sheets[stage],
      { blank, image, board } = this.panel,
      [h, w, c] = step.shape;
    const values = Float64Array.from({ length: h * w }, (_, p) => (blank ? 0 : step.value[p * c + unit])),
      at = argmax(values);
    paintValues(byId("channel-map"), values, w);
    const canvas = byId("channel-field"),
      field = receptiveField(step, Math.floor(at / w), at % w),
      context = canvas.getContext("2d"),
      zoom = 8;
    canvas.width = canvas.height = 28 * zoom;
    paintValues(board.small, image ?? new Float64Array(784), 28, 255, grayColors);
    context.imageSmoothingEnabled = false;
    context.drawImage(board.small, 0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#ffb02a";
    context.lineWidth = 3;
    if (values[at] > 0)
      context.strokeRect(
        field.x * zoom + 1,
        field.y * zoom + 1,
        field.width * zoom - 2,
        field.height * zoom - 2,
      );
    byId("channel-text").textContent =
      values[at] > 0
        ? `It is active at ${values.filter(v => v > 0).length} of its ${h * w} positions in your drawing.`
        : "It is not active anywhere in your drawing.";
  }
}
