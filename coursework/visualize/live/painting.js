"use strict";
/* What the pages share: painting values on canvases, and work that is spread over frames. */

const byId = id => document.getElementById(id);

/* A probability as text: never 100 % or 0 % for what is only near. */
function percent(p) {
  if (p > 0.9995) return "> 99.9%";
  if (p < 0.0005) return "< 0.1%";
  return `${(100 * p).toFixed(p < 0.1 || p > 0.9 ? 1 : 0)}%`;
}

/* Black, purple, red, orange, yellow: lighter is always more. */
const HEAT = [
  [0, 0, 4],
  [40, 11, 84],
  [101, 21, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
];
const heatColors = Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (HEAT.length - 1),
    k = Math.min(HEAT.length - 2, Math.floor(at)),
    t = at - k;
  return HEAT[k].map((v, channel) => Math.round(v + t * (HEAT[k + 1][channel] - v)));
});
const grayColors = Array.from({ length: 256 }, (_, i) => [i, i, i]);

const most = values => {
  let high = 0;
  for (const v of values) if (v > high) high = v;
  return high;
};

/* Paint one value a pixel, 0 … high, on a canvas that gets as many pixels. */
function paintValues(canvas, values, width, high = most(values), colors = heatColors) {
  const data = new ImageData(width, values.length / width);
  for (let i = 0; i < values.length; i++) {
    const color = colors[high > 0 ? Math.max(0, Math.min(255, Math.round((255 * values[i]) / high))) : 0];
    data.data[4 * i] = color[0];
    data.data[4 * i + 1] = color[1];
    data.data[4 * i + 2] = color[2];
    data.data[4 * i + 3] = 255;
  }
  putOn(canvas, data);
}

/* Paint an image as a network takes it, of 1 or 3 channels. */
function paintImage(canvas, image, [height, width, channels]) {
  const data = new ImageData(width, height);
  for (let p = 0; p < height * width; p++)
    for (let c = 0; c < 4; c++)
      data.data[4 * p + c] = c === 3 ? 255 : image[p * channels + (channels === 1 ? 0 : c)];
  putOn(canvas, data);
}

function putOn(canvas, data) {
  if (canvas.width !== data.width || canvas.height !== data.height) {
    canvas.width = data.width;
    canvas.height = data.height;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
}

/* All channels of a step as a sheet of small pictures, gap 1 px; square roots, so that
   weak responses are seen, too. Returns how the sheet is laid out. */
function paintChannels(canvas, step, { columns, count = step.shape[2], blank = false, chosen = -1 }) {
  const [h, w, channels] = step.shape,
    rows = Math.ceil(count / columns),
    width = columns * (w + 1) + 1,
    height = rows * (h + 1) + 1;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d"),
    data = context.createImageData(width, height),
    pixels = new Uint32Array(data.data.buffer);
  const high = Math.max(most(step.value), 1e-9);
  pixels.fill(0xff332b26);
  for (let k = 0; k < count; k++) {
    const left = 1 + (k % columns) * (w + 1),
      top = 1 + Math.floor(k / columns) * (h + 1);
    if (k === chosen)
      for (let y = -1; y <= h; y++)
        for (let x = -1; x <= w; x++) pixels[(top + y) * width + left + x] = 0xff2ab0ff;
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const v = step.value[(y * w + x) * channels + k],
          gray = blank || !(v > 0) ? 0 : (255 * Math.sqrt(v / high)) | 0;
        pixels[(top + y) * width + left + x] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
      }
  }
  context.putImageData(data, 0, 0);
}

/* Let a canvas with a sheet of channels be used by pointer and by arrow keys. */
function chooseChannels(canvas, { columns, count, choose, chosen }) {
  canvas.addEventListener("click", event => {
    const box = canvas.getBoundingClientRect(),
      rows = Math.ceil(count / columns);
    const channel =
      Math.floor(((event.clientY - box.top) / box.height) * rows) * columns +
      Math.floor(((event.clientX - box.left) / box.width) * columns);
    if (channel < count) choose(channel);
  });
  canvas.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Enter: 0, " ": 0 }[
      event.key
    ];
    if (step === undefined) return;
    event.preventDefault();
    const now = chosen();
    choose(now < 0 ? 0 : Math.min(count - 1, Math.max(0, now + step)));
  });
}

/* Let one pointer at a time draw on a canvas; a second finger does nothing. The functions
   get where it is, in so many units of the canvas' width and height. */
function onePointer(canvas, [width, height], { down, move, up = () => {} }) {
  let pointer = null;
  const at = event => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * width,
      ((event.clientY - box.top) / box.height) * height,
    ];
  };
  canvas.addEventListener("pointerdown", event => {
    if (pointer !== null || event.button > 0) return;
    event.preventDefault();
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    down(at(event));
  });
  canvas.addEventListener("pointermove", event => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) move(at(each));
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, event => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      up();
    });
}

/* A function that runs another once before the next frame, however often it is called. */
function eachFrame(paint) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  };
}

/* Run generators a few milliseconds a frame. A new one replaces the last; done gets what
   it returns, and shown is called after each frame's part. */
function inFrames({ budget = 9 } = {}) {
  let current = 0;
  const run = (generator, done, shown) => {
    const mine = ++current;
    const part = () => {
      if (mine !== current) return;
      const until = performance.now() + budget;
      do {
        const { done: finished, value } = generator.next();
        if (finished) {
          current++;
          done?.(value);
          return;
        }
      } while (performance.now() < until);
      shown?.();
      requestAnimationFrame(part);
    };
    part();
  };
  run.stop = () => {
    current++;
  };
  return run;
}

/* Steps of a network worth showing: the last step of each group that ends in an
   activation, with more than one position. */
function stagesOf(net) {
  const spatial = net.spatialSteps(),
    activations = spatial.filter(step => step.kind === "activation" && step.function !== "softmax");
  return activations.length ? activations : spatial.filter(step => !["affine", "pad"].includes(step.kind));
}

/* The receptive field of one unit as a rectangle on the image, in px. */
function receptiveField(step, row, column) {
  if (!step.grid) return null;
  const [down, across] = step.grid;
  const corner = (axis, at) => axis.start + axis.stride * at - (axis.size - 1) / 2;
  return { x: corner(across, column), y: corner(down, row), width: across.size, height: down.size };
}

/* Copy text, or say where it can be copied from. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function saveCanvas(canvas, name) {
  canvas.toBlob(blob => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
