"use strict";
/* Class activation maps and gradient ascent on the networks of net.js: the formulas of
   coursework/visualize, tested against it. */

const PATH_STEPS = 32; // of integrated gradients
const PATCH = 0.18; // of occlusion, as a share of the image

/* On a layer: activation a and gradient g, positions × channels → a value for each
   position. What is negative becomes 0 later. */
const LAYER_RULES = {
  gradcam(a, g, positions, channels, map) {
    const weights = new Float64Array(channels);
    for (let i = 0, c = 0; i < a.length; i++) {
      weights[c] += g[i] / positions;
      if (++c === channels) c = 0;
    }
    addWeighted(a, weights, positions, channels, map);
  },
  hirescam(a, g, positions, channels, map) {
    for (let p = 0, i = 0; p < positions; p++) for (let c = 0; c < channels; c++, i++) map[p] += g[i] * a[i];
  },
  layercam(a, g, positions, channels, map) {
    for (let p = 0, i = 0; p < positions; p++)
      for (let c = 0; c < channels; c++, i++) if (g[i] > 0) map[p] += g[i] * a[i];
  },
  "gradcam++"(a, g, positions, channels, map) {
    const total = new Float64Array(channels),
      weights = new Float64Array(channels);
    for (let i = 0, c = 0; i < a.length; i++) {
      total[c] += a[i];
      if (++c === channels) c = 0;
    }
    for (let i = 0, c = 0; i < a.length; i++) {
      const below = 2 + total[c] * g[i];
      if (below !== 0 && g[i] > 0) weights[c] += g[i] / below;
      if (++c === channels) c = 0;
    }
    addWeighted(a, weights, positions, channels, map);
  },
};

function addWeighted(a, weights, positions, channels, map) {
  for (let p = 0, i = 0; p < positions; p++)
    for (let c = 0; c < channels; c++, i++) map[p] += weights[c] * a[i];
}

/* Methods on the image take many passes, so they are generators: a page runs a few
   passes a frame. All begin with the image and the network as net.run left them. */
const IMAGE_RULES = {
  *input_gradient(net, head, target) {
    const g = net.gradientOfScore(head, target),
      channels = net.image.shape[2];
    return perPixel(net, p => {
      let most = 0;
      for (let c = 0; c < channels; c++) most = Math.max(most, Math.abs(g[p * channels + c]));
      return most;
    });
  },
  *integrated_gradients(net, head, target, passes = PATH_STEPS) {
    const image = net.image.value.slice(),
      total = new Float64Array(image.length),
      channels = net.image.shape[2];
    for (let n = 0; n < passes; n++) {
      const share = (n + 0.5) / passes;
      net.run(image.map(v => share * v));
      const g = net.gradientOfScore(head, target);
      for (let i = 0; i < g.length; i++) total[i] += g[i] / passes;
      yield;
    }
    net.run(image);
    return perPixel(net, p => {
      let sum = 0;
      for (let c = 0, i = p * channels; c < channels; c++, i++) sum += image[i] * total[i];
      return sum;
    });
  },
  *occlusion(net, head, target) {
    const image = net.image.value.slice(),
      [height, width, channels] = net.image.shape;
    const size = Math.max(1, Math.round(PATCH * Math.min(height, width))),
      stride = Math.max(1, size >> 1);
    const total = new Float64Array(height * width),
      times = new Float64Array(height * width),
      whole = scoreOf(net, head, target);
    for (let top = 1 - size; top < height; top += stride)
      for (let left = 1 - size; left < width; left += stride) {
        const covered = image.slice(),
          pixels = [];
        for (let y = Math.max(0, top); y < Math.min(height, top + size); y++)
          for (let x = Math.max(0, left); x < Math.min(width, left + size); x++) {
            pixels.push(y * width + x);
            covered.fill(0, (y * width + x) * channels, (y * width + x + 1) * channels);
          }
        const loss = whole - scoreOf(net.run(covered), head, target);
        for (const p of pixels) {
          total[p] += loss;
          times[p]++;
        }
        yield;
      }
    net.run(image);
    return perPixel(net, p => total[p] / times[p]);
  },
};

const METHODS = {
  gradcam: { title: "Grad-CAM", on: "layer" },
  hirescam: { title: "HiResCAM", on: "layer" },
  layercam: { title: "LayerCAM", on: "layer" },
  "gradcam++": { title: "Grad-CAM++", on: "layer" },
  integrated_gradients: { title: "Integrated gradients", on: "image" },
  input_gradient: { title: "Input gradient", on: "image" },
  occlusion: { title: "Occlusion", on: "image" },
};

function perPixel(net, of) {
  const map = new Float64Array(net.image.shape[0] * net.image.shape[1]);
  for (let p = 0; p < map.length; p++) map[p] = Math.max(0, of(p));
  return map;
}

function scoreOf(net, name, target) {
  const head = net.head(name),
    scores = net.steps[head.scores].value;
  if (head.kind === "sigmoid" && scores.length === 1) return target ? scores[0] : -scores[0];
  return scores[target];
}

/* A class activation map on the pixels of the image, at least 0, in the method's units.
   layer: a name, for methods on a layer; target: a class, by default the predicted one. */
function classActivationMap(net, options) {
  const passes = mapInPasses(net, options);
  for (;;) {
    const { done, value } = passes.next();
    if (done) return value;
  }
}

function* mapInPasses(
  net,
  { method, layer, head = net.heads[0].name, target = net.prediction(head), passes },
) {
  if (METHODS[method].on === "image")
    return yield* IMAGE_RULES[method](net, head, target, passes);
  const step = net.byName[layer],
    [height, width, channels] = step.shape;
  const gradient = net.gradientOfScore(head, target, step),
    map = new Float64Array(height * width);
  LAYER_RULES[method](step.value, gradient, height * width, channels, map);
  for (let i = 0; i < map.length; i++) if (map[i] < 0) map[i] = 0;
  return placeOnImage(net, step, map);
}

/* Put values of a layer's positions on the pixels of the image: each is a tent around
   the center of its receptive field, down to 0 at its neighbors. */
function placeOnImage(net, step, map) {
  const [height, width] = net.image.shape,
    [h, w] = step.shape,
    out = new Float64Array(height * width);
  step.tents ??= [
    [h, height],
    [w, width],
  ].map(([units, pixels], axis) => tents(step.grid?.[axis], units, pixels));
  const [down, across] = step.tents,
    rows = new Float64Array(h * width);
  for (let y = 0; y < h; y++)
    for (let X = 0; X < width; X++)
      for (const [x, share] of across[X]) rows[y * width + X] += share * map[y * w + x];
  for (let Y = 0; Y < height; Y++)
    for (const [y, share] of down[Y])
      for (let X = 0; X < width; X++) out[Y * width + X] += share * rows[y * width + X];
  return out;
}

/* For each pixel the units that count there, and how much. */
function tents(grid, units, pixels) {
  const { start, stride } = grid ?? { start: pixels / units / 2 - 0.5, stride: pixels / units };
  return Array.from({ length: pixels }, (_, p) => {
    const at = (p - start) / stride,
      found = [];
    for (let u = Math.max(0, Math.floor(at)); u <= Math.min(units - 1, Math.ceil(at)); u++) {
      const share = 1 - Math.abs(at - u);
      if (share > 0) found.push([u, share]);
    }
    return found;
  });
}

/* Gradient ascent on an image of 0…255 for one channel of a layer. objective: "channel",
   the mean of its positive responses; "center", its response in the middle before the
   activation. It begins with an image, or with noise around a share of white. */
class Ascent {
  constructor(
    net,
    layer,
    unit,
    { objective = "channel", rate = 0.01, background = 0.5, start = null, seed = 1 } = {},
  ) {
    const step = net.byName[layer],
      before = step.kind === "activation" ? step.sources[0] : step,
      random = randomNumbers(seed);
    Object.assign(this, { net, unit, objective, rate, steps: 0 });
    this.step = objective === "channel" ? step : before;
    this.seed = new Float64Array(this.step.value.length);
    this.image = Float64Array.from(
      start ?? net.image.value,
      v => (start ? v : 255 * clip01(background + 0.04 * (random() - 0.5))),
    );
  }

  /* One step up; returns the response before it. */
  up() {
    const { net, image } = this;
    net.run(image, this.step.index);
    const response = this.objectiveAndSeed(),
      gradient = net.gradient(this.step, this.seed),
      size = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0) / gradient.length);
    if (size > 0)
      for (let i = 0; i < image.length; i++)
        image[i] = Math.min(255, Math.max(0, image[i] + (this.rate * 255 * gradient[i]) / size));
    this.steps++;
    return response;
  }

  objectiveAndSeed() {
    const { step, unit, seed } = this,
      [h, w] = step.shape,
      channels = step.shape.at(-1);
    let response = 0;
    seed.fill(0);
    if (this.objective === "channel") {
      for (let i = unit; i < seed.length; i += channels)
        if (step.value[i] > 0) {
          seed[i] = 1 / (h * w);
          response += step.value[i] / (h * w);
        }
      return response;
    }
    const at = ((h >> 1) * w + (w >> 1)) * channels + unit;
    seed[at] = 1;
    return step.value[at];
  }
}

/* Random numbers in 0…1 that are the same for the same seed. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/* Spearman's rank correlation of two maps: 1 for the same order of pixels. */
function rankCorrelation(first, second) {
  const [a, b] = [ranks(first), ranks(second)],
    mean = (first.length - 1) / 2;
  let ab = 0,
    aa = 0,
    bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] - mean,
      y = b[i] - mean;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa && bb ? ab / Math.sqrt(aa * bb) : 0;
}

function ranks(values) {
  const order = Array.from(values.keys()).sort((i, k) => values[i] - values[k]),
    made = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1]] === values[order[from]]) to++;
    for (let i = from; i <= to; i++) made[order[i]] = (from + to) / 2;
    from = to + 1;
  }
  return made;
}
