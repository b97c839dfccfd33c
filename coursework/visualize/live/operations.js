"use strict";
/* What each kind of step of a network computes, and its gradient. Values are in the order
   height × width × channels. */

const FORWARD = {
  affine({ value, sources: [{ value: x }], weights: { factor, offset } }) {
    const channels = factor.length;
    for (let i = 0, c = 0; i < value.length; i++) {
      value[i] = x[i] * factor[c] + offset[c];
      if (++c === channels) c = 0;
    }
  },
  conv(step) {
    const [source] = step.sources;
    convolve(
      source.value,
      source.shape,
      step.weights.kernel,
      step,
      step.value,
      step.shape,
      step.weights.bias,
    );
  },
  depthwise(step) {
    const {
        value,
        weights: { kernel, bias },
        sources: [
          {
            value: x,
            shape: [, , channels],
          },
        ],
      } = step,
      count = step.shape[2],
      each = count / channels;
    if (bias) for (let i = 0; i < value.length; i += count) value.set(bias, i);
    else value.fill(0);
    eachTap(step, (o, at, tap) => {
      for (let k = 0, c = 0, j = 0; k < count; k++) {
        value[o * count + k] += x[at * channels + c] * kernel[tap * count + k];
        if (++j === each) {
          j = 0;
          c++;
        }
      }
    });
  },
  maxpool(step) {
    const {
      value,
      shape: [, , channels],
      sources: [{ value: x }],
    } = step;
    value.fill(-Infinity);
    eachTap(step, (o, at) => {
      for (let c = 0; c < channels; c++) {
        const v = x[at * channels + c];
        if (v > value[o * channels + c]) value[o * channels + c] = v;
      }
    });
  },
  avgpool(step) {
    const {
        value,
        shape: [, , channels],
        sources: [{ value: x }],
      } = step,
      times = tapsOf(step);
    value.fill(0);
    eachTap(step, (o, at) => {
      for (let c = 0; c < channels; c++) value[o * channels + c] += x[at * channels + c] / times[o];
    });
  },
  globalavg({ value, sources: [{ value: x }] }) {
    const channels = value.length;
    value.fill(0);
    for (let i = 0, c = 0; i < x.length; i++) {
      value[c] += (x[i] * channels) / x.length;
      if (++c === channels) c = 0;
    }
  },
  globalmax({ value, sources: [{ value: x }] }) {
    value.fill(-Infinity);
    for (let i = 0, c = 0; i < x.length; i++) {
      if (x[i] > value[c]) value[c] = x[i];
      if (++c === value.length) c = 0;
    }
  },
  activation(step) {
    if (step.function === "softmax") return softmaxForward(step);
    const {
      value,
      sources: [{ value: x }],
    } = step;
    if (isPlainRelu(step)) {
      for (let i = 0; i < value.length; i++) value[i] = x[i] > 0 ? x[i] : 0;
      return;
    }
    const [f] = ACTIVATIONS[step.function],
      settings = settingsOf(step);
    for (let i = 0; i < value.length; i++) value[i] = f(x[i], settings);
  },
  dense({ value, sources: [{ value: x }], weights: { kernel, bias }, shape }) {
    const count = shape.at(-1),
      depth = kernel.length / count;
    for (let o = 0, at = 0; o < value.length; o += count, at += depth) {
      for (let k = 0; k < count; k++) value[o + k] = bias ? bias[k] : 0;
      for (let i = 0, row = 0; i < depth; i++, row += count) {
        const v = x[at + i];
        if (v !== 0) for (let k = 0; k < count; k++) value[o + k] += v * kernel[row + k];
      }
    }
  },
  copy({ value, sources: [{ value: x }] }) {
    value.set(x);
  },
  pad({
    value,
    shape: [, width, channels],
    pads,
    sources: [
      {
        value: x,
        shape: [inHeight, inWidth],
      },
    ],
  }) {
    value.fill(0);
    for (let y = 0; y < inHeight; y++)
      value.set(
        x.subarray(y * inWidth * channels, (y + 1) * inWidth * channels),
        ((y + pads[0]) * width + pads[1]) * channels,
      );
  },
  add({ value, sources }) {
    value.fill(0);
    for (const source of sources)
      eachPair(value, source, (i, k) => {
        value[i] += source.value[k];
      });
  },
  multiply({ value, sources }) {
    value.fill(1);
    for (const source of sources)
      eachPair(value, source, (i, k) => {
        value[i] *= source.value[k];
      });
  },
  concatenate({ value, sources, shape }) {
    let from = 0;
    for (const source of sources) {
      eachPart(shape.at(-1), source, from, (i, k) => {
        value[i] = source.value[k];
      });
      from += source.shape.at(-1);
    }
  },
};

/* Gradient of the output → gradient of input n, all of which is written. */
const BACKWARD = {
  affine({ weights: { factor } }, dy, dx) {
    const channels = factor.length;
    for (let i = 0, c = 0; i < dx.length; i++) {
      dx[i] = dy[i] * factor[c];
      if (++c === channels) c = 0;
    }
  },
  conv: convolutionGradient,
  depthwise(step, dy, dx) {
    const {
        weights: { kernel },
        sources: [
          {
            shape: [, , channels],
          },
        ],
      } = step,
      count = step.shape[2],
      each = count / channels;
    dx.fill(0);
    eachTap(step, (o, at, tap) => {
      for (let k = 0, c = 0, j = 0; k < count; k++) {
        dx[at * channels + c] += dy[o * count + k] * kernel[tap * count + k];
        if (++j === each) {
          j = 0;
          c++;
        }
      }
    });
  },
  maxpool(step, dy, dx) {
    // to the first of equal ones, as TensorFlow does
    const {
        value,
        shape: [, , channels],
        sources: [{ value: x }],
      } = step,
      given = new Uint8Array(value.length);
    dx.fill(0);
    eachTap(step, (o, at) => {
      for (let c = 0; c < channels; c++) {
        const i = o * channels + c,
          k = at * channels + c;
        if (!given[i] && x[k] === value[i]) {
          given[i] = 1;
          dx[k] += dy[i];
        }
      }
    });
  },
  avgpool(step, dy, dx) {
    const channels = step.shape[2],
      times = tapsOf(step);
    dx.fill(0);
    eachTap(step, (o, at) => {
      for (let c = 0; c < channels; c++) dx[at * channels + c] += dy[o * channels + c] / times[o];
    });
  },
  globalavg(_, dy, dx) {
    for (let i = 0, c = 0; i < dx.length; i++) {
      dx[i] = (dy[c] * dy.length) / dx.length;
      if (++c === dy.length) c = 0;
    }
  },
  globalmax({ value, sources: [{ value: x }] }, dy, dx) {
    // equal ones share, as in TensorFlow
    const times = new Float64Array(value.length);
    for (let i = 0, c = 0; i < x.length; i++) {
      if (x[i] === value[c]) times[c]++;
      if (++c === value.length) c = 0;
    }
    for (let i = 0, c = 0; i < x.length; i++) {
      dx[i] = x[i] === value[c] ? dy[c] / times[c] : 0;
      if (++c === value.length) c = 0;
    }
  },
  activation(step, dy, dx) {
    if (step.function === "softmax") return softmaxGradient(step, dy, dx);
    const {
      value,
      sources: [{ value: x }],
    } = step;
    if (isPlainRelu(step)) {
      for (let i = 0; i < dx.length; i++) dx[i] = x[i] > 0 ? dy[i] : 0;
      return;
    }
    const [, derivative] = ACTIVATIONS[step.function],
      settings = settingsOf(step);
    for (let i = 0; i < dx.length; i++) dx[i] = dy[i] * derivative(x[i], value[i], settings);
  },
  dense({ weights: { kernel }, shape }, dy, dx) {
    const count = shape.at(-1),
      depth = kernel.length / count;
    for (let o = 0, at = 0; o < dy.length; o += count, at += depth)
      for (let i = 0, row = 0; i < depth; i++, row += count) {
        let sum = 0;
        for (let k = 0; k < count; k++) sum += dy[o + k] * kernel[row + k];
        dx[at + i] = sum;
      }
  },
  copy(_, dy, dx) {
    dx.set(dy);
  },
  pad(
    {
      shape: [, width, channels],
      pads,
      sources: [
        {
          shape: [inHeight, inWidth],
        },
      ],
    },
    dy,
    dx,
  ) {
    for (let y = 0; y < inHeight; y++) {
      const from = ((y + pads[0]) * width + pads[1]) * channels;
      dx.set(dy.subarray(from, from + inWidth * channels), y * inWidth * channels);
    }
  },
  add({ value, sources }, dy, dx, n) {
    dx.fill(0);
    eachPair(value, sources[n], (i, k) => {
      dx[k] += dy[i];
    });
  },
  multiply({ value, sources }, dy, dx, n) {
    const others = dy.slice();
    sources.forEach((source, m) => {
      if (m !== n)
        eachPair(value, source, (i, k) => {
          others[i] *= source.value[k];
        });
    });
    dx.fill(0);
    eachPair(value, sources[n], (i, k) => {
      dx[k] += others[i];
    });
  },
  concatenate({ sources, shape }, dy, dx, n) {
    const from = sources.slice(0, n).reduce((sum, source) => sum + source.shape.at(-1), 0);
    eachPart(shape.at(-1), sources[n], from, (i, k) => {
      dx[k] = dy[i];
    });
  },
};

/* How many pixels are under each window of a pooling; those beyond the edge do not count. */
function tapsOf(step) {
  if (!step.taps) {
    step.taps = new Float64Array(step.shape[0] * step.shape[1]);
    eachTap(step, o => {
      step.taps[o]++;
    });
  }
  return step.taps;
}

/* Numbers of values that belong together; a source of 1 × 1 counts at every position. */
function eachPair(value, source, visit) {
  const size = source.value.length;
  for (let i = 0, k = 0; i < value.length; i++) {
    visit(i, k);
    if (++k === size) k = 0;
  }
}

/* The same for a source that is some of the channels. */
function eachPart(count, source, from, visit) {
  const part = source.shape.at(-1);
  for (let k = 0; k < source.value.length; k++) visit(Math.floor(k / part) * count + from + (k % part), k);
}
