"use strict";
/* Where in the drawing the evidence for a digit is, by the method that was chosen. */

const METHOD_TEXTS = {
  integrated_gradients: "Pixel by pixel: how much the score rises while the picture fades in from black.",
  hirescam: "On a layer: what each position adds to the score, channel by channel.",
  gradcam: "On a layer: its channels, each weighted by how much it raises the score on average.",
  layercam: "On a layer: the positions whose rise would raise the score.",
  "gradcam++": "On a layer: like Grad-CAM, with weights that count repeated parts.",
  input_gradient: "Pixel by pixel: how much the score changes if the pixel changes a little.",
  occlusion: "A black square of 5 × 5 pixels moves over the picture: where the score falls.",
};

class Evidence {
  constructor(panel) {
    this.panel = panel;
    this.net = new Network(panel.net.description); // for maps that take many passes
    this.explain = inFrames();
    this.map = null; // values, and the picture that they belong to
    const { stages, state } = panel;
    for (const [name, { title }] of Object.entries(METHODS)) byId("method").add(new Option(title, name));
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
