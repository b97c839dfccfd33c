"use strict";
/* Starts the live page: checks what it needs, joins the parts, reads the link. */

// prettier-ignore
const EXAMPLE = [[200, 150], [255, 95], [330, 90], [390, 140], [385, 205], [330, 252], [265, 268], [335, 285], [400, 340], [395, 425], [325, 480], [240, 475], [180, 435]];
// Between a 4 and a 9: the gap at the top decides.
// prettier-ignore
const HALF_AND_HALF = [
  [[205, 110], [195, 190], [200, 255], [240, 285], [300, 285], [365, 265]],
  [[385, 110], [378, 200], [365, 265], [350, 370], [340, 470]],
  Array.from({ length: 7 }, (_, i) => [205 + 9 * i, 110 - 38 * Math.sin(Math.PI * i / 20)]),
];

function problem(text) {
  const place = byId("problem");
  place.hidden = false;
  place.textContent = text;
}

/* Why a network cannot be used, or null. */
function problemOf(name) {
  const description = self.NETWORKS?.[name];
  if (!description)
    return `The file live/${name}.js is missing or damaged, so this part of the page cannot work. Reload the page, or build the file again with "make reports".`;
  const count = Math.max(
    0,
    ...description.steps.flatMap(step =>
      Object.values(step.arrays ?? {}).map(([start, size]) => start + size),
    ),
  );
  const numbers = description.weights.length / 5; // of base85
  return numbers === count
    ? null
    : `The weights in live/${name}.js do not fit its layers: ${numbers} numbers where ${count} are expected. Build the file again with "make reports".`;
}

/* A link down the page that leaves the address alone: it may hold a drawing. */
function leadTo(link, title) {
  byId(link).addEventListener("click", event => {
    event.preventDefault();
    byId(title).scrollIntoView({ block: "start" });
    byId(title).focus({ preventScroll: true });
  });
}

const panels = { digits: null, lines: null };
let tab = "digits",
  tries = null;

function openTab(name) {
  if (!panels[name]) return;
  tab = name;
  for (const each of ["digits", "lines"]) {
    byId(each).hidden = each !== name;
    byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    byId(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
  panels[name].show();
}

/* The digits, as soon as their network is there; the lines' networks come after. */
function start() {
  const wrong = problemOf("tuned_mnist");
  if (wrong) {
    problem(wrong);
    byId("live").hidden = true;
    return;
  }
  panels.digits = new DigitPanel(self.NETWORKS.tuned_mnist, self.EXAMPLES ?? []);
  tries = new Tries(panels, openTab);
  for (const each of ["digits", "lines"]) {
    byId(`tab-${each}`).addEventListener("click", () => openTab(each));
    byId(`tab-${each}`).addEventListener("keydown", event => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      openTab(tab === "digits" ? "lines" : "digits");
      byId(`tab-${tab}`).focus();
    });
  }
  byId("copy-link").addEventListener("click", copyLink);
  byId("save-picture").addEventListener("click", () =>
    saveCanvas(pictureOf(tab, panels.digits, panels.lines), "network.png"),
  );
  const link = readLink(location.hash);
  if (link && link.tab !== "lines") openLink(link);
  else panels.digits.startDemo(EXAMPLE);
  addEventListener("hashchange", () => openLink(readLink(location.hash)));
  self.live = panels;
}

function startLines() {
  if (!panels.digits) return;
  const wrong = ["four_head_lines", "tuned_lines"].map(problemOf).filter(Boolean);
  if (wrong.length) {
    problem(wrong.join(" "));
    return;
  }
  panels.lines = new LinePanel(self.NETWORKS);
  tries.addLines();
  byId("tab-lines").disabled = false;
  const link = readLink(location.hash);
  if (link?.tab === "lines") openLink(link);
}

async function copyLink() {
  history.replaceState(null, "", linkText(tab, panels.digits, panels.lines));
  const copied = await copyText(location.href);
  byId("link-said").textContent = copied ? "Copied." : "The link is in the address bar.";
  setTimeout(() => {
    byId("link-said").textContent = "";
  }, 4000);
}

/* Show what a link holds, or say that it is damaged. */
function openLink(link) {
  if (!link) return;
  const { digits, lines } = panels;
  if (link.damaged || (link.example != null && !digits.examples[link.example])) {
    problem("The link is damaged, so here is an example instead.");
    digits.startDemo(EXAMPLE);
  } else if (link.tab === "lines") {
    lines?.set(link.line);
    openTab("lines");
  } else {
    const { image: base, label } = digits.examples[link.example] ?? {};
    digits.stopDemo();
    digits.setDrawing({ ...link, base, label });
    openTab("digits");
  }
}
