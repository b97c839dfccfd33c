"use strict";
/* The board itself: strokes and the evidence as they are painted, pointer and keyboard. */

const UNITS = 560; // of the board, on a side

class DigitBoard {
  constructor(panel) {
    this.panel = panel;
    this.canvas = byId("board");
    this.pen = this.canvas.getContext("2d");
    this.small = document.createElement("canvas");
    this.listen();
  }

  paint() {
    const { pen, panel } = this,
      { state, picture } = panel,
      scale = picture?.scale ?? 28 / UNITS,
      overlay = state.overlay && panel.evidence.map;
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
      } = this.panel.evidence.map,
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

  listen() {
    const { canvas, panel } = this;
    canvas.width = canvas.height = UNITS;
    onePointer(canvas, [UNITS, UNITS], {
      down: point => {
        this.cursor = null;
        panel.beginStroke(point);
      },
      move: point => {
        if (panel.stroke) panel.extendStroke(point);
      },
      up: () => {
        if (panel.stroke) panel.endStroke();
      },
    });
    canvas.addEventListener("keydown", event => this.pressed(event));
    canvas.addEventListener("blur", () => {
      if (panel.stroke && this.cursor) panel.endStroke();
      this.cursor = null;
      this.paint();
    });
  }

  /* Arrow keys move a pen, space puts it down and lifts it. */
  pressed(event) {
    const { panel } = this;
    const step = { ArrowLeft: [-14, 0], ArrowRight: [14, 0], ArrowUp: [0, -14], ArrowDown: [0, 14] }[
      event.key
    ];
    if (!step && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    this.cursor ??= [UNITS / 2, UNITS / 4];
    if (!step) {
      if (panel.stroke) panel.endStroke();
      else panel.beginStroke([...this.cursor]);
      return;
    }
    this.cursor = this.cursor.map((v, k) => Math.min(UNITS - 10, Math.max(10, v + step[k])));
    if (panel.stroke) panel.extendStroke([...this.cursor]);
    panel.show();
  }

  /* Draw a digit by itself, so that the page is at work before anybody touches it. */
  drawDemo(points) {
    const { panel } = this,
      { state } = panel;
    const all = smoothed(points),
      calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    panel.setDrawing({ strokes: [all.slice(0, 1)] });
    state.demo = state.untouched = true;
    const pace = calm ? all.length : 2;
    let drawn = 1;
    const next = () => {
      if (!state.demo) return;
      state.strokes[0].push(...all.slice(drawn, drawn + pace));
      drawn += pace;
      if (drawn >= all.length) panel.stopDemo();
      panel.show();
      if (state.demo) requestAnimationFrame(next);
    };
    next();
  }

  paintCursor() {
    const [x, y] = this.cursor;
    this.pen.strokeStyle = this.panel.stroke ? "#ffb02a" : "#7ab8ff";
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
