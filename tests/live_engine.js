"use strict";
/* Runs the page's JavaScript in node: node live_engine.js JOB.json. The job names script
   files, a network, a file of images (32-bit floats) and what to compute; the answers
   are 32-bit floats in the job's order. */
const fs = require("fs"),
  vm = require("vm");

const job = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
globalThis.self = globalThis;
vm.runInThisContext(
  job.scripts.map(file => fs.readFileSync(file, "utf8")).join("\n") +
    `
;globalThis.page = { Network, Ascent, classActivationMap, METHODS, rankCorrelation, randomNumbers,
  linePicture };`,
);

const floats = file => {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};
const answers = [];
const TASKS = {
  /* probabilities of all heads, for each image */
  probabilities({ images, size }, net) {
    for (let at = 0; at < images.length; at += size) {
      net.run(images.subarray(at, at + size));
      for (const head of net.heads) answers.push(...net.probabilities(head.name));
    }
  },
  maps({ images, size, requests }, net) {
    for (const { targets, ...request } of requests)
      targets.forEach((target, n) => {
        net.run(images.subarray(n * size, (n + 1) * size));
        for (const value of page.classActivationMap(net, { ...request, target })) answers.push(value);
      });
  },
  ascent({ images, layer, units, steps, objective }, net) {
    for (const unit of units) {
      const ascent = new page.Ascent(net, layer, unit, { start: images, objective });
      for (let n = 0; n < steps; n++) ascent.up();
      for (const value of ascent.image) answers.push(value);
    }
  },
  lines({ lines }) {
    for (const line of lines) for (const value of page.linePicture(line)) answers.push(value);
  },
  shuffled({ count }, net) {
    const layers = net.randomize(count, page.randomNumbers(1));
    answers.push(layers, ...net.run().probabilities());
    net.randomize(0);
    answers.push(...net.run().probabilities());
  },
};

const net = job.network ? new page.Network(NETWORKS[job.network]) : null;
for (const task of job.tasks) {
  if (task.images) task.images = floats(task.images);
  TASKS[task.task](task, net);
}
fs.writeFileSync(job.answers, new Uint8Array(Float32Array.from(answers).buffer));
