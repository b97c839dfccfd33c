"use strict";
/* Convolution and its gradient. Values are in the order height × width × channels. */

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
        let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
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
