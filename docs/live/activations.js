"use strict";
/* Activations: the function, and its derivative from input and output. */

const SELU = [1.0507009873554805, 1.6732632423543772];
const sigmoid = x => 1 / (1 + Math.exp(-x));
const clip01 = x => Math.min(1, Math.max(0, x));

function erf(x) {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x,
    sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const ACTIVATIONS = {
  linear: [x => x, () => 1],
  relu: [
    (x, { slope, most, threshold }) => (x >= most ? most : x >= threshold ? x : slope * (x - threshold)),
    (x, _, { slope, most, threshold }) => (x >= most ? 0 : x > threshold ? 1 : slope),
  ],
  elu: [(x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)), (x, y, { alpha }) => (x > 0 ? 1 : y + alpha)],
  selu: [
    x => SELU[0] * (x > 0 ? x : SELU[1] * Math.expm1(x)),
    (x, y) => (x > 0 ? SELU[0] : y + SELU[0] * SELU[1]),
  ],
  gelu: [
    x => (x * (1 + erf(x / Math.SQRT2))) / 2,
    x => (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  ],
  silu: [
    x => x * sigmoid(x),
    x => {
      const s = sigmoid(x);
      return s * (1 + x * (1 - s));
    },
  ],
  sigmoid: [sigmoid, (_, y) => y * (1 - y)],
  tanh: [Math.tanh, (_, y) => 1 - y * y],
  softplus: [x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid],
  hard_sigmoid: [x => clip01(x / 6 + 0.5), x => (x > -3 && x < 3 ? 1 / 6 : 0)],
  hard_silu: [x => x * clip01(x / 6 + 0.5), x => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5)],
  exponential: [Math.exp, (_, y) => y],
};

const isPlainRelu = step => step.function === "relu" && !step.slope && !step.threshold && step.most == null;
const settingsOf = ({ slope = 0, threshold = 0, most, alpha = 1 }) => ({
  slope,
  threshold,
  most: most ?? Infinity,
  alpha,
});

/* Softmax along the channels, at each position. */
function softmaxForward({ value, sources, shape }) {
  const count = shape.at(-1);
  for (let at = 0; at < value.length; at += count)
    value.set(softmax(sources[0].value.subarray(at, at + count)), at);
}
function softmaxGradient({ value, shape }, dy, dx) {
  const count = shape.at(-1);
  for (let at = 0; at < value.length; at += count) {
    let sum = 0;
    for (let i = at; i < at + count; i++) sum += dy[i] * value[i];
    for (let i = at; i < at + count; i++) dx[i] = value[i] * (dy[i] - sum);
  }
}
