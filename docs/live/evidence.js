"use strict";
/* Where in the drawing the evidence for a digit is, by the method that was chosen. */

// A plain name for each method, and how it makes a map of the evidence for an answer.
const HOW = {
  gradcam: [
    "Filter by filter",
    answer =>
      `What the filters of a layer found is added up. Each filter counts by how much it pushed the network toward ${answer} on average.`,
  ],
  hirescam: [
    "Position by position",
    answer =>
      `Each position of a layer is marked by how much what its filters found there pushed the network toward ${answer}.`,
  ],
  layercam: [
    "Only what helps",
    answer => `Like HiResCAM, but filters count only where more of their pattern would help ${answer}.`,
  ],
  "gradcam++": ["Repeats counted", () => "Like Grad-CAM, but a pattern may occur several times."],
  integrated_gradients: [
    "Pixel by pixel",
    answer =>
      `Imagine the picture slowly appearing out of black. Each pixel is marked by how much it pushed the network toward ${answer}.`,
  ],
  input_gradient: [
    "Small changes",
    answer =>
      `Each pixel is marked by how much a small change of it would move the network, toward ${answer} or away.`,
  ],
  occlusion: [
    "Cover and compare",
    answer =>
      `A black square of 5 × 5 pixels covers one part after another. Marked are the parts without which the network leans less toward ${answer}.`,
  ],
};

const aDigit = k => (k === 8 ? "an 8" : `a ${k}`);

/* "Pixel by pixel (integrated gradients)" */
function nameOf(method) {
  const { title, on } = METHODS[method];
  return `${HOW[method][0]} (${on === "image" ? title.toLowerCase() : title})`;
}

const explanation = (method, answer) => `${HOW[method][1](answer)} Different methods give different maps.`;

/* What is bright in a map. */
const meaningOf = (method, answer) =>
  method === "input_gradient" ? `a change here matters for ${answer}` : `evidence for ${answer}`;

class Evidence {
  constructor(panel) {
    this.panel = panel;
    this.net = new Network(panel.net.description); // for maps that take many passes
    this.explain = inFrames();
    this.map = null; // values, and the picture that they belong to
    const { stages, state } = panel;
    for (const name of Object.keys(METHODS)) byId("method").add(new Option(nameOf(name), name));
    stages.forEach((step, i) => byId("layer").add(new Option(`layer ${i + 1} of ${stages.length}`, step.name)));
    byId("method").value = state.method;
    byId("layer").value = state.layer;
    byId("method").addEventListener("change", event => {
      panel.state.method = event.target.value;
      byId("layer").hidden = METHODS[event.target.value].on !== "layer";
      this.restart();
    });
    byId("layer").addEventListener("change", event => {
      panel.state.layer = event.target.value;
      this.restart();
    });
  }

  restart() {
    this.explain.stop();
    this.working = this.again = false;
    this.panel.show();
  }

  /* Maps of many passes take several frames. While the pen moves they are made with fewer
     passes, and one is finished before the next begins. */
  start() {
    const { panel } = this,
      { state, picture, head } = panel;
    if (panel.blank) {
      this.explain.stop();
      this.working = false;
      this.map = null;
      return this.paint();
    }
    if (this.working) {
      this.again = true;
      return;
    }
    const moves = () => Boolean(panel.stroke || state.demo),
      rough = moves();
    const { method, layer } = state,
      target = state.target ?? panel.best,
      options = { method, layer, target, head, passes: rough ? 8 : 32 };
    if (METHODS[method].on === "layer" || method === "input_gradient") {
      this.map = { values: classActivationMap(panel.net, options), picture };
      return this.paint();
    }
    this.working = true;
    this.net.run(panel.image);
    this.explain(mapInPasses(this.net, options), values => {
      this.working = false;
      this.map = { values, picture };
      if (this.again || (rough && !moves())) {
        this.again = false;
        panel.show();
      }
      this.paint();
      panel.board.paint();
    });
  }

  paint() {
    const black = new Float64Array(784);
    paintValues(byId("digit-input"), this.panel.image ?? black, 28, 255, grayColors);
    paintValues(byId("digit-map"), this.map?.values ?? black, 28);
  }
}
