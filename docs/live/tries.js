"use strict";
/* Five small challenges. Each is ticked off when it happens on the board, and then says
   what it shows; "Show me" does it. */

const HALF = 0.35; // of each of two digits
const FEW = 40; // pixels

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

/* Challenges by their id on the page: whether they are met, and how to show them. */
const TRIES = {
  "try-half": {
    met: ({ digits }) =>
      !digits.blank &&
      !digits.state.shuffled &&
      digits.state.label == null &&
      [...digits.probabilities].filter(p => p >= HALF).length === 2,
    show: ({ digits }) => digits.setDrawing({ strokes: HALF_AND_HALF }),
  },
  "try-length": {
    met: ({ lines }) => !lines.blank && Math.abs(lines.answers.length[1] - 0.5) < 0.15,
    /* The length at which the answer turns, by halving the range again and again. */
    show: async ({ lines }) => {
      let [low, high] = TRAINED.length;
      lines.set({ width: 1, angle: 30, blue: 0, x: 14, y: 14 });
      for (let i = 0; i < 12; i++) {
        const length = (low + high) / 2;
        lines.set({ length });
        await pause(160);
        if (lines.answers.length[1] > 0.5) high = length;
        else low = length;
      }
    },
  },
  "try-border": {
    met: ({ lines }) => {
      if (lines.blank || !lines.networks.plain_lines || !lines.isInside) return false;
      const truth = { length: 0, width: 0, color: 0, angle: 0 },
        wrong = name => {
          const { levels } = lines.reading(name);
          return Object.keys(truth).some(head => levels[head] !== lines.trueLevel(head));
        };
      if (Object.keys(truth).some(head => lines.trueLevel(head) === null)) return false;
      return wrong("plain_lines") && !wrong("tuned_lines");
    },
    show: async ({ lines }) => {
      await lines.loadBaseline();
      const found = self.MISREAD_LINES;
      if (found?.length) {
        TRIES["try-border"].next = ((TRIES["try-border"].next ?? -1) + 1) % found.length;
        lines.set(found[TRIES["try-border"].next]);
      }
    },
  },
  "try-pixels": {
    met: ({ digits }) =>
      digits.state.blackened.size > 0 &&
      digits.state.blackened.size <= FEW &&
      !digits.blank &&
      !digits.state.shuffled &&
      digits.answerBefore != null &&
      digits.best !== digits.answerBefore,
    /* Ten pixels at a time, on the present drawing, then on test digits until one gives in. */
    show: async ({ digits }) => {
      for (const example of [null, 4, 1, 7, 9, 5, 2, 8, 3, 6, 0]) {
        if (example !== null) digits.showExample(example);
        digits.state.blackened.clear();
        digits.state.target = null;
        digits.show();
        await pause(300);
        const before = digits.best;
        for (let taken = 0; taken < FEW && digits.best === before && !digits.blank; taken += 10) {
          digits.blackOutLightest("integrated_gradients");
          await pause(300);
        }
        if (digits.best !== before && !digits.blank) return;
      }
    },
  },
  "try-shuffle": {
    met: ({ digits }) => digits.state.shuffled === digits.layerCount,
    show: async ({ digits }) => {
      byId("survive").scrollIntoView({ block: "nearest" });
      for (let count = 0; count <= digits.layerCount; count++) {
        digits.shuffleLayers(count);
        await pause(220);
      }
    },
  },
};

class Tries {
  constructor(panels, openTab) {
    this.panels = panels;
    panels.digits.listeners.push(digits => {
      if (!digits.state.blackened.size && !digits.state.shuffled)
        digits.answerBefore = digits.blank ? null : digits.best;
      this.check();
    });
    for (const [id, { show }] of Object.entries(TRIES)) {
      const item = byId(id),
        button = item.querySelector("button");
      button.addEventListener("click", async () => {
        if (item.dataset.tab === "lines" && !panels.lines) return;
        openTab(item.dataset.tab);
        if (id !== "try-shuffle") byId("live").scrollIntoView({ block: "start" });
        button.disabled = true;
        try {
          await show(panels);
        } catch {
          /* the panel has said why */
        } finally {
          button.disabled = false;
        }
      });
    }
  }

  addLines() {
    this.panels.lines.listeners.push(() => this.check());
  }

  check() {
    const { digits, lines } = this.panels;
    if (digits.state.demo || !digits.probabilities) return;
    for (const [id, { met }] of Object.entries(TRIES)) {
      const item = byId(id);
      if (
        item.classList.contains("done") ||
        (item.dataset.tab === "lines" && !lines?.answers) ||
        !met(this.panels)
      )
        continue;
      item.classList.add("done");
      item.querySelector(".lesson").hidden = false;
      byId("tries-live").textContent =
        `Done: ${item.querySelector("h3").textContent}. ${item.querySelector(".lesson").textContent}`;
    }
  }
}
