"use strict";
/* What each kind of step of a network computes, and its gradient. Values are in the order
   height × width × channels. */

/* --- convolution ------------------------------------------------------------------- */

let gatheredValue = new Float64Array(4096),
  gatheredRow = new Int32Array(4096);

/* For each position the inputs that are not 0 are gathered: black pixels and what a ReLU
   cut off cost nothing. Then eight outputs are summed at a time. */
function convolve(
  x,
  [height, width, channels],
  kernel,
  { size, strides, pads, dilation },
  y,
  [outHeight, outWidth, count],
  bias,
) {
  const most = size[0] * size[1] * channels;
  if (gatheredValue.length < most) {
    gatheredValue = new Float64Array(most);
    gatheredRow = new Int32Array(most);
  }
  const value = gatheredValue,
    row = gatheredRow,
    eights = count - (count % 8);
  const [kernelHeight, kernelWidth] = size,
    [strideDown, strideAcross] = strides,
    [top, left] = pads,
    [dilationDown, dilationAcross] = dilation;
  for (let oy = 0, o = 0; oy < outHeight; oy++) {
    for (let ox = 0; ox < outWidth; ox++, o += count) {
      let n = 0;
      for (let ky = 0; ky < kernelHeight; ky++) {
        const iy = oy * strideDown - top + ky * dilationDown;
        if (iy < 0 || iy >= height) continue;
        for (let kx = 0; kx < kernelWidth; kx++) {
          const ix = ox * strideAcross - left + kx * dilationAcross;
          if (ix < 0 || ix >= width) continue;
          const at = (iy * width + ix) * channels,
            first = (ky * kernelWidth + kx) * channels;
          for (let c = 0; c < channels; c++) {
            const v = x[at + c];
            if (v !== 0) {
              value[n] = v;
              row[n++] = (first + c) * count;
            }
          }
        }
      }
      let k = 0;
      for (; k < eights; k += 8) {
        let a = 0,
          b = 0,
          c = 0,
          d = 0,
          e = 0,
          f = 0,
          g = 0,
          h = 0;
        for (let i = 0; i < n; i++) {
          const v = value[i],
            r = row[i] + k;
          a += v * kernel[r];
          b += v * kernel[r + 1];
          c += v * kernel[r + 2];
          d += v * kernel[r + 3];
          e += v * kernel[r + 4];
          f += v * kernel[r + 5];
          g += v * kernel[r + 6];
          h += v * kernel[r + 7];
        }
        const p = o + k;
        y[p] = a;
        y[p + 1] = b;
        y[p + 2] = c;
        y[p + 3] = d;
        y[p + 4] = e;
        y[p + 5] = f;
        y[p + 6] = g;
        y[p + 7] = h;
      }
      for (; k < count; k++) {
        let a = 0;
        for (let i = 0; i < n; i++) a += value[i] * kernel[row[i] + k];
        y[o + k] = a;
      }
      if (bias) for (k = 0; k < count; k++) y[o + k] += bias[k];
    }
  }
}

/* The kernel turned around, its inputs and outputs exchanged: with strides of 1 the
   gradient is itself a convolution. */
function flippedKernel(step) {
  const [height, width] = step.size,
    channels = step.sources[0].shape[2],
    count = step.shape[2],
    { kernel } = step.weights;
  const flipped = new Float64Array(kernel.length),
    positions = height * width;
  for (let p = 0; p < positions; p++)
    for (let ci = 0; ci < channels; ci++)
      for (let co = 0; co < count; co++)
        flipped[((positions - 1 - p) * count + co) * channels + ci] =
          kernel[(p * channels + ci) * count + co];
  return flipped;
}

function convolutionGradient(step, dy, dx) {
  const { size, strides, pads, dilation } = step,
    one = [1, 1];
  if (strides[0] === 1 && strides[1] === 1 && dilation[0] === 1 && dilation[1] === 1) {
    step.flipped ??= flippedKernel(step);
    const setting = {
      size,
      strides: one,
      dilation: one,
      pads: [size[0] - 1 - pads[0], size[1] - 1 - pads[1]],
    };
    return convolve(dy, step.shape, step.flipped, setting, dx, step.sources[0].shape);
  }
  const channels = step.sources[0].shape[2],
    count = step.shape[2],
    { kernel } = step.weights;
  dx.fill(0);
  eachTap(step, (o, at, tap) => {
    for (let ci = 0; ci < channels; ci++) {
      let sum = 0;
      const row = (tap * channels + ci) * count;
      for (let co = 0; co < count; co++) sum += dy[o * count + co] * kernel[row + co];
      dx[at * channels + ci] += sum;
    }
  });
}

/* Call a function for every output position and every pixel under its window: numbers
   of the output position, of the input position, and of the place in the window. */
function eachTap({ size, strides, pads, dilation = [1, 1], sources, shape }, visit) {
  const [height, width] = sources[0].shape,
    [outHeight, outWidth] = shape;
  for (let oy = 0, o = 0; oy < outHeight; oy++)
    for (let ox = 0; ox < outWidth; ox++, o++)
      for (let ky = 0; ky < size[0]; ky++) {
        const iy = oy * strides[0] - pads[0] + ky * dilation[0];
        if (iy < 0 || iy >= height) continue;
        for (let kx = 0; kx < size[1]; kx++) {
          const ix = ox * strides[1] - pads[1] + kx * dilation[1];
          if (ix >= 0 && ix < width) visit(o, iy * width + ix, ky * size[1] + kx);
        }
      }
}

/* --- activations: the function, and its derivative from input and output -------------- */

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

/* --- what each kind of step computes, and its gradient --------------------------------- */

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

const isPlainRelu = step => step.function === "relu" && !step.slope && !step.threshold && step.most == null;
const settingsOf = ({ slope = 0, threshold = 0, most, alpha = 1 }) => ({
  slope,
  threshold,
  most: most ?? Infinity,
  alpha,
});

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
