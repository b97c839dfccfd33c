"use strict";
/* A convolutional network in the browser: forward and backward pass, without a library.

   The description of a network is written by coursework/visualize/page.py. Its steps are
   in order; each names the steps that it reads, −1 being the image. Values are
   Float64Array in the order height × width × channels: JavaScript computes in 64 bits,
   so that nothing has to be converted. */

const product = shape => shape.reduce((a, b) => a * b, 1);

function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

class Network {
  constructor(description) {
    const { name, image, steps, heads } = description;
    this.description = description;
    this.name = name;
    this.image = { name: "image", index: -1, shape: image, ...arraysOf(image) };
    const weights = decodeWeights(description.weights);
    this.steps = steps.map((step, index) => ({ ...step, index, ...arraysOf(step.shape) }));
    for (const step of this.steps) {
      step.sources = step.inputs.map(at => (at < 0 ? this.image : this.steps[at]));
      step.weights = {};
      for (const [role, [start, size]] of Object.entries(step.arrays ?? {}))
        step.weights[role] = Float64Array.from(weights.subarray(start, start + size));
      step.grid = gridAfter(step);
    }
    this.heads = heads;
    this.byName = Object.fromEntries(this.steps.map(step => [step.name, step]));
    this.scratch = new Float64Array(0);
    this.paths = new Map();
    this.pass = 0;
  }

  head(name) {
    return this.heads.find(head => head.name === name);
  }

  /* Compute all steps, or those up to one, for an image in the model's pixel range. */
  run(image = null, last = this.steps.length - 1) {
    if (image) this.image.value.set(image);
    for (let i = 0; i <= last; i++) FORWARD[this.steps[i].kind](this.steps[i]);
    return this;
  }

  /* Probabilities of the classes of a head, in 0…1; of a linear head its scores. */
  probabilities(name = this.heads[0].name) {
    const { kind, scores } = this.head(name),
      values = this.steps[scores].value;
    if (kind === "sigmoid") {
      const ones = Array.from(values, value => 1 / (1 + Math.exp(-value)));
      return ones.length === 1 ? [1 - ones[0], ones[0]] : ones;
    }
    return kind === "softmax" ? softmax(values) : Array.from(values);
  }

  prediction(name) {
    return argmax(this.probabilities(name));
  }

  /* Gradient of a head's score for a class with respect to the output of a step. The
     score is taken before softmax or sigmoid; a single sigmoid neuron scores class 1,
     its negative class 0. */
  gradientOfScore(name, target, step = this.image) {
    const head = this.head(name),
      seed = new Float64Array(this.steps[head.scores].value.length);
    if (head.kind === "sigmoid" && seed.length === 1) seed[0] = target ? 1 : -1;
    else seed[target] = 1;
    return this.gradient(this.steps[head.scores], seed, step);
  }

  /* Gradient with respect to the output of a step, of the sum of another step's values
     weighted by a seed. The steps must have run. */
  gradient(from, seed, until = this.image) {
    const pass = ++this.pass;
    const add = (source, write) => {
      if (source.pass !== pass) {
        source.pass = pass;
        write(source.gradient);
        return;
      }
      if (this.scratch.length < source.gradient.length)
        this.scratch = new Float64Array(source.gradient.length);
      const part = this.scratch.subarray(0, source.gradient.length);
      write(part);
      for (let i = 0; i < part.length; i++) source.gradient[i] += part[i];
    };
    add(from, target => target.set(seed));
    const { order, counts } = this.path(from, until);
    for (const step of order)
      step.sources.forEach((source, n) => {
        if (counts.has(source)) add(source, target => BACKWARD[step.kind](step, step.gradient, target, n));
      });
    if (until.pass !== pass) until.gradient.fill(0);
    return until.gradient;
  }

  /* The steps from one down to another, the last first, and all that they may reach. */
  path(from, until) {
    const key = `${from.index} ${until.index}`;
    if (!this.paths.has(key)) {
      const above = new Set([until]),
        order = [],
        needed = new Set([from]);
      for (const step of this.steps.slice(until.index + 1, from.index + 1))
        if (step.sources.some(source => above.has(source))) above.add(step);
      for (let at = from.index; at > until.index; at--) {
        const step = this.steps[at];
        if (!needed.has(step) || !above.has(step)) continue;
        order.push(step);
        step.sources.forEach(source => needed.add(source));
      }
      this.paths.set(key, { order, counts: above });
    }
    return this.paths.get(key);
  }

  dependsOn(name, step) {
    return this.path(this.steps[this.head(name).scores], step).order.length > 0;
  }

  /* Steps whose output is a picture for each channel, with more than one position. */
  spatialSteps() {
    return this.steps.filter(({ shape }) => shape.length === 3 && shape[0] * shape[1] > 1);
  }

  /* Shuffle the weights of the last layers, as many as asked for; 0 brings all back.
     Each array is shuffled by itself, so that only what was learnt is lost. */
  randomize(count, random = Math.random) {
    const layers = this.steps.filter(step => !step.fixed && Object.keys(step.weights).length);
    layers.forEach((step, n) => {
      step.learnt ??= Object.fromEntries(
        Object.entries(step.weights).map(([role, array]) => [role, array.slice()]),
      );
      for (const [role, array] of Object.entries(step.weights)) {
        array.set(step.learnt[role]);
        if (n >= layers.length - count) shuffle(array, random);
      }
      step.flipped = null;
    });
    return layers.length;
  }
}

const arraysOf = shape => ({
  value: new Float64Array(product(shape)),
  gradient: new Float64Array(product(shape)),
});

/* 32-bit numbers from base85 text. Their bytes are sorted by place, all first ones and
   so on, because bytes of one kind compress better. */
function decodeWeights(text) {
  const sorted = fromBase85(text),
    count = sorted.length / 4,
    bytes = new Uint8Array(sorted.length);
  for (let place = 0, at = 0; place < 4; place++)
    for (let i = 0; i < count; i++) bytes[4 * i + place] = sorted[at++];
  return new Float32Array(bytes.buffer);
}

/* Bytes from base85 text: five characters are one number of 32 bits. */
function fromBase85(text) {
  const value = new Uint8Array(128),
    bytes = new DataView(new ArrayBuffer((text.length / 5) * 4));
  BASE85.forEach((character, digit) => (value[character.charCodeAt()] = digit));
  for (let at = 0, from = 0; from < text.length; at += 4) {
    let number = 0;
    for (const end = from + 5; from < end; from++)
      number = number * 85 + value[text.charCodeAt(from)];
    bytes.setUint32(at, number);
  }
  return new Uint8Array(bytes.buffer);
}

const BASE85 = [
  ..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
];

function shuffle(values, random) {
  for (let i = values.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1));
    [values[i], values[k]] = [values[k], values[i]];
  }
}

function softmax(scores) {
  let most = -Infinity,
    sum = 0;
  for (const score of scores) most = Math.max(most, score);
  const parts = Array.from(scores, score => {
    const part = Math.exp(score - most);
    sum += part;
    return part;
  });
  return parts.map(part => part / sum);
}

/* Centers of the receptive fields of a step's units, in px: start + stride · i, down and
   across, and their size. Null where it is not known. */
function gridAfter(step) {
  const [before, ...others] = step.sources.map(source =>
    source.index < 0 ? [0, 1].map(() => ({ start: 0, stride: 1, size: 1 })) : source.grid,
  );
  if (step.shape.length !== 3 || !before || others.includes(null)) return null;
  if (["conv", "depthwise", "maxpool", "avgpool"].includes(step.kind))
    return before.map(({ start, stride, size }, axis) => {
      const reach = (step.size[axis] - 1) * (step.dilation?.[axis] ?? 1);
      return {
        start: start + stride * (reach / 2 - step.pads[axis]),
        stride: stride * step.strides[axis],
        size: size + stride * reach,
      };
    });
  if (step.kind === "pad")
    return before.map((axis, n) => ({ ...axis, start: axis.start - axis.stride * step.pads[n] }));
  const sameSize = step.sources.filter(
    ({ shape }) => shape.length === 3 && shape[0] === step.shape[0] && shape[1] === step.shape[1],
  );
  const grids = sameSize.map(source => (source.index < 0 ? before : source.grid));
  if (!grids.length || ["copy", "globalavg", "globalmax"].includes(step.kind)) return null;
  if (
    grids.some(grid =>
      grid.some((axis, n) => axis.start !== grids[0][n].start || axis.stride !== grids[0][n].stride),
    )
  )
    return null;
  return grids[0].map((_, n) => grids.map(grid => grid[n]).reduce((a, b) => (a.size >= b.size ? a : b)));
}
