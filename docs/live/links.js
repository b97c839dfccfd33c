"use strict";
/* A link that holds what is on the board, and a picture of it to save. */

const DIGITS_OF_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MOST_POINTS = 4000;
const LINE_KEYS = { l: "length", w: "width", a: "angle", b: "blue", x: "x", y: "y" };

/* Points on a grid of 512, three digits each; strokes are apart by a dot. */
function packStrokes(strokes) {
  return strokes
    .map(stroke =>
      stroke
        .map(point => {
          const [x, y] = point.map(v => Math.max(0, Math.min(511, Math.round((v / UNITS) * 511))));
          return DIGITS_OF_64[x >> 3] + DIGITS_OF_64[((x & 7) << 3) | (y >> 6)] + DIGITS_OF_64[y & 63];
        })
        .join(""),
    )
    .join(".");
}

/* The strokes of a link; null where they are damaged. */
function unpackStrokes(text) {
  const parts = text.split(".").filter(Boolean);
  if (parts.some(part => part.length % 3 || !/^[\w-]+$/.test(part)) || text.length > 3 * MOST_POINTS)
    return null;
  return parts.map(part =>
    part.match(/.../g).map(point => {
      const [a, b, c] = [...point].map(digit => DIGITS_OF_64.indexOf(digit));
      return [(a << 3) | (b >> 3), ((b & 7) << 6) | c].map(v => (v / 511) * UNITS);
    }),
  );
}

/* "#d=…~…" strokes and what was erased; "#e=4" an example; "#l=…" a line. */
function linkText(tab, digits, lines) {
  if (tab === "lines")
    return `#l=${Object.entries(LINE_KEYS)
      .map(([key, name]) => key + Number(lines.line[name].toFixed(2)))
      .join(",")}`;
  const { strokes, erased, example } = digits.state;
  if (example != null)
    return `#e=${example}${strokes.length || erased.length ? `~${packStrokes(strokes)}~${packStrokes(erased)}` : ""}`;
  return `#d=${packStrokes(strokes)}${erased.length ? `~${packStrokes(erased)}` : ""}`;
}

/* What a link holds: { tab, drawing } or { tab, line } or { tab, example }; null for a
   link without any; { damaged: true }. */
function readLink(hash) {
  const match = hash.match(/^#([del])=(.*)$/);
  if (!match) return null;
  const [, kind, text] = match;
  if (kind === "l") {
    const line = {};
    for (const part of text.split(",")) {
      const name = LINE_KEYS[part[0]],
        value = Number(part.slice(1));
      if (!name || part.length < 2 || !Number.isFinite(value)) return { damaged: true };
      line[name] = value;
    }
    return { tab: "lines", line };
  }
  const parts = text.split("~"),
    packed = kind === "e" ? parts.slice(1) : parts;
  const [strokes, erased] = [packed[0] ?? "", packed[1] ?? ""].map(unpackStrokes);
  const example = kind === "e" ? Number(parts[0]) : null;
  if (
    !strokes ||
    !erased ||
    packed.length > 2 ||
    (kind === "e" && !/^\d+$/.test(parts[0])) ||
    (kind === "d" && !strokes.length)
  )
    return { damaged: true };
  return { tab: "digits", strokes, erased, example };
}

/* A picture of the board with the answer beside it, 1200 × 630 as previews want it. */
function pictureOf(tab, digits, lines) {
  const canvas = document.createElement("canvas"),
    g = canvas.getContext("2d");
  canvas.width = 1200;
  canvas.height = 630;
  g.fillStyle = "#fdfcf9";
  g.fillRect(0, 0, 1200, 630);
  g.drawImage(tab === "lines" ? lines.board : digits.board.canvas, 35, 35, 560, 560);
  const say = (text, x, y, font, color = "#1d1d1f") => {
    g.font = font;
    g.fillStyle = color;
    g.fillText(text, x, y, 1180 - x);
  };
  if (tab === "lines") {
    say("One line, four questions", 640, 100, "700 38px system-ui, sans-serif");
    lines.net.heads.forEach(({ name }, i) => {
      const p = lines.answers[name],
        best = argmax(p);
      say(`${name}?`, 640, 190 + 80 * i, "30px system-ui, sans-serif", "#5c5c61");
      say(
        lines.blank ? "–" : `${LEVELS[name][best]}, ${percent(p[best])}`,
        790,
        190 + 80 * i,
        "600 34px system-ui, sans-serif",
      );
    });
  } else {
    say(digits.blank ? "?" : String(digits.best), 640, 195, "700 180px system-ui, sans-serif");
    say(digits.sentence()[0], 780, 130, "34px Georgia, serif");
    if (digits.state.overlay && !digits.blank)
      say(
        `yellow: the evidence for ${aDigit(digits.target)}`,
        780,
        180,
        "24px Georgia, serif",
        "#5c5c61",
      );
    digits.probabilities.forEach((p, k) => {
      const x = 640 + 53 * k;
      g.fillStyle = k === digits.best ? "#1b4f78" : "#a9c3d6";
      g.fillRect(x, 510 - 260 * p, 44, 260 * p + 2);
      say(String(k), x + 15, 545, "24px system-ui, sans-serif");
    });
  }
  say(
    location.protocol === "file:" ? "Draw, and watch a network think" : location.host + location.pathname,
    640,
    592,
    "22px Georgia, serif",
    "#5c5c61",
  );
  return canvas;
}
