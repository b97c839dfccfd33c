"use strict";
/* Which maps stay the same when the weights are shuffled, layer by layer: those do not
   show what was learnt (Adebayo and others, 2018). */

const SURVIVORS = [
  // method and layer, whose maps are compared after shuffling
  ["integrated_gradients", null],
  ["input_gradient", null],
  ["layercam", 0],
  ["hirescam", 1],
  ["gradcam", 2],
  ["gradcam", 3],
];

class Survivors {
  constructor(panel) {
    this.panel = panel;
    this.compare = inFrames({ budget: 6 });
    this.networks = null; // as learnt, and shuffled
    byId("shuffled").max = panel.layerCount;
    this.tiles = SURVIVORS.map(([method, stage]) => {
      const figure = document.createElement("figure");
      figure.innerHTML = `<canvas width="28" height="28" role="img"></canvas><figcaption></figcaption>`;
      byId("survivors").append(figure);
      const title = METHODS[method].title + (stage == null ? "" : `, layer ${stage + 1}`);
      figure.firstChild.setAttribute("aria-label", `Map by ${title}`);
      return {
        method,
        layer: stage == null ? null : panel.stages[stage].name,
        title,
        canvas: figure.firstChild,
        caption: figure.lastChild,
      };
    });
  }

  /* Compare when the drawing rests. */
  later() {
    const { state, layerCount } = this.panel;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      if (!this.panel.stroke && !state.demo) this.start();
    }, 250);
    byId("shuffled-text").textContent = state.shuffled ? `${state.shuffled} of ${layerCount}` : "none";
  }

  start() {
    const {
      blank,
      image,
      head,
      net,
      state: { shuffled, seed },
    } = this.panel;
    if (blank) return;
    this.networks ??= [0, 1].map(() => new Network(net.description));
    this.networks[1].randomize(shuffled, randomNumbers(seed));
    for (const network of this.networks) network.run(image);
    this.compare(this.maps(head, shuffled));
  }

  /* Paint the map of each method after shuffling, and how similar it is to the first. */
  *maps(head, shuffled) {
    const [learnt, random] = this.networks,
      target = learnt.prediction(head);
    for (const { method, layer, title, canvas, caption } of this.tiles) {
      const options = { method, layer, head, target, passes: 16 };
      const before = yield* mapInPasses(learnt, options);
      const after = shuffled ? yield* mapInPasses(random, options) : before;
      paintValues(canvas, after, 28);
      const similarity = most(after) ? `similarity ${rankCorrelation(before, after).toFixed(2)}` : "no evidence left";
      const left = shuffled ? similarity : "as learnt";
      caption.innerHTML = `<strong>${title}</strong><br>${left}`;
      yield;
    }
  }
}
