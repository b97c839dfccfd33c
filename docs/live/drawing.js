"use strict";
/* Pictures of 28×28 pixels, the input of the networks: digits from pen strokes, and lines.
   Nothing of the page is needed, so that tests can run it, too. */

const SIDE = 28;
// Radius of the pen in the picture, width of its soft edge, and extent of what its middle
// draws, px: with these, 1,500 validation digits that were thinned to strokes and redrawn
// have as much ink as they had, and their strokes the size that they had.
const PEN = 1.25;
const EDGE = 2;
const EXTENT = 17;
const RUBBER = 2; // px

/* A digit as MNIST has them: scaled into 20×20 px, the pen's width included, its center of
   mass in the middle.

   strokes: lists of [x, y], y down, in units of which the board has so many on a side;
   erased: strokes of the rubber; base: 784 values of a picture to draw on, which is
   centered already.
   Returns { image: 784 values in 0…255, scale, x, y }: a point p of the strokes is at
   p · scale + (x, y) in the picture. Null where nothing is drawn. */
function digitPicture(strokes, { units = SIDE, erased = [], base = null } = {}) {
  const points = strokes.flat();
  if (!points.length && !base) return null;
  let scale = SIDE / units,
    x = 0,
    y = 0;
  if (!base) {
    const sides = [0, 1].map(k =>
      points.reduce(([low, high], p) => [Math.min(low, p[k]), Math.max(high, p[k])], [Infinity, -Infinity]),
    );
    const largest = Math.max(...sides.map(([low, high]) => high - low), units * 0.12); // a dot stays a dot
    scale = EXTENT / largest;
    [x, y] = sides.map(([low, high]) => SIDE / 2 - (scale * (low + high)) / 2);
  }
  let image = ink(strokes, { scale, x, y });
  if (!base) {
    let mass = 0,
      right = 0,
      down = 0;
    image.forEach((v, i) => {
      mass += v;
      right += v * ((i % SIDE) + 0.5);
      down += v * (Math.floor(i / SIDE) + 0.5);
    });
    if (mass) {
      x += SIDE / 2 - right / mass;
      y += SIDE / 2 - down / mass;
      image = ink(strokes, { scale, x, y });
    }
  }
  if (base) image = image.map((v, i) => Math.max(v, base[i]));
  if (erased.length)
    ink(erased, { scale, x, y, radius: RUBBER }).forEach((v, i) => {
      image[i] = Math.min(image[i], 255 - v);
    });
  return { image, scale, x, y };
}

/* A round pen: the darkness of a pixel follows from its distance to the nearest stroke. */
function ink(strokes, { scale, x, y, radius = PEN }) {
  const nearest = new Float64Array(SIDE * SIDE).fill(Infinity),
    reach = radius + EDGE;
  const first = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - reach)),
    last = (a, b) => Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach));
  for (const stroke of strokes)
    for (let i = 0; i < stroke.length; i++) {
      const from = stroke[Math.max(0, i - 1)],
        to = stroke[i];
      const ax = from[0] * scale + x,
        ay = from[1] * scale + y,
        bx = to[0] * scale + x,
        by = to[1] * scale + y;
      const dx = bx - ax,
        dy = by - ay,
        squared = dx * dx + dy * dy;
      for (let row = first(ay, by); row <= last(ay, by); row++)
        for (let column = first(ax, bx); column <= last(ax, bx); column++) {
          const px = column + 0.5 - ax,
            py = row + 0.5 - ay;
          const along = squared ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
          const distance = (px - along * dx) ** 2 + (py - along * dy) ** 2,
            k = row * SIDE + column;
          if (distance < nearest[k]) nearest[k] = distance;
        }
    }
  return nearest.map(d => Math.round(255 * Math.min(1, Math.max(0, (radius - Math.sqrt(d)) / EDGE + 0.5))));
}

/* A line as coursework/data/lines.py draws it: a rectangle, each pixel colored by the
   share of it that the rectangle covers.

   length, width in px; angle in degrees, counter-clockwise; x, y of the center in px from
   the upper left corner; blue: 0 is red, 1 is blue. Returns 28·28·3 values in 0…255. */
function linePicture({ length, width, angle, x, y, blue }) {
  const image = new Float64Array(SIDE * SIDE * 3),
    corners = rectangle({ length, width, angle, x, y });
  const clamp = v => Math.min(SIDE - 1, Math.max(0, Math.floor(v))),
    xs = corners.map(p => p[0]),
    ys = corners.map(p => p[1]);
  for (let row = clamp(Math.min(...ys)); row <= clamp(Math.max(...ys)); row++)
    for (let column = clamp(Math.min(...xs)); column <= clamp(Math.max(...xs)); column++) {
      let shape = cut(corners, 0, column, 1);
      shape = cut(shape, 0, column + 1, -1);
      shape = cut(shape, 1, row, 1);
      shape = cut(shape, 1, row + 1, -1);
      const share = Math.min(1, areaOf(shape)),
        k = 3 * (row * SIDE + column);
      image[k] = Math.round(255 * share * (1 - blue));
      image[k + 2] = Math.round(255 * share * blue);
    }
  return image;
}

function rectangle({ length, width, angle, x, y }) {
  const radians = (angle * Math.PI) / 180,
    cos = Math.cos(radians),
    sin = -Math.sin(radians),
    l = length / 2,
    w = width / 2;
  return [
    [-l, -w],
    [l, -w],
    [l, w],
    [-l, w],
  ].map(([a, b]) => [x + a * cos - b * sin, y + a * sin + b * cos]);
}

/* The part of a polygon on one side of an upright (axis 0) or level (axis 1) line. */
function cut(polygon, axis, limit, side) {
  const kept = [];
  polygon.forEach((p, i) => {
    const q = polygon[(i + 1) % polygon.length],
      a = side * (p[axis] - limit),
      b = side * (q[axis] - limit);
    if (a >= 0) kept.push(p);
    if ((a > 0 && b < 0) || (a < 0 && b > 0)) {
      const t = a / (a - b);
      kept.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
    }
  });
  return kept;
}

function areaOf(polygon) {
  let sum = 0;
  polygon.forEach((p, i) => {
    const q = polygon[(i + 1) % polygon.length];
    sum += p[0] * q[1] - q[0] * p[1];
  });
  return Math.abs(sum) / 2;
}
