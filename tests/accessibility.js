/* What is wrong with a page for people who do not see it well, as texts: elements without
   a name, references that lead nowhere, text of too little contrast. */
(() => {
  const found = [],
    seen = e => e.getClientRects().length > 0;
  const all = selector => [...document.querySelectorAll(selector)].filter(seen);
  const name = e =>
    [e.getAttribute("aria-label"), e.textContent, e.labels?.[0]?.textContent, e.alt, e.querySelector("img")?.alt].join("").trim();
  for (const e of all("button, a, select, input, [tabindex='0'], img, [role=img]"))
    if (!name(e)) found.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  for (const e of all("canvas[tabindex]")) if (!e.getAttribute("role")) found.push(`no role: ${e.id}`);
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  ids.forEach((id, i) => {
    if (ids.indexOf(id) !== i) found.push(`twice: ${id}`);
  });
  for (const attribute of ["aria-controls", "aria-labelledby", "for"])
    for (const e of document.querySelectorAll(`[${attribute}]`))
      if (!document.getElementById(e.getAttribute(attribute)))
        found.push(`leads nowhere: ${e.outerHTML.slice(0, 80)}`);

  const linear = v => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = color => {
    const [r, g, b] = color
      .match(/[\d.]+/g)
      .map(Number)
      .map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!/, 0\)|transparent/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  for (const e of all("body *")) {
    if (e.closest(":disabled") || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
      continue;
    const [light, dark] = [getComputedStyle(e).color, background(e)].map(luminance).sort((a, b) => b - a),
      ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(1)}: ${e.textContent.trim().slice(0, 40)}`);
  }
  return found;
})();
