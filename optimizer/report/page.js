"use strict";
// Tables: a click on a heading sorts, a button gives the rows as CSV.
const NUMBER = /^[+\u2212-]?[\d,]*\.?\d+(e[+-]?\d+)?( ?%)?$/i;
const cellText = (row, i) => row.cells[i].textContent;
const firstNumber = (text) => parseFloat(text.replaceAll(",", "").replace("\u2212", "-")); // of an interval: its lower end

function compareCells(a, b, numbers) {
  if (!numbers) return a.localeCompare(b);
  const [x, y] = [firstNumber(a), firstNumber(b)];
  return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : x - y;
}

function sortBy(table, heading) {
  const i = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const numbers = heading.classList.contains("number");
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => compareCells(cellText(a, i), cellText(b, i), numbers) * (down ? -1 : 1));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}

function csvCell(text) {
  // a spreadsheet would run such a text as a formula; numbers with a sign are none
  const safe = /^'*[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? "'" + text : text;
  return '"' + safe.replaceAll('"', '""') + '"';
}

function download(table, name) {
  const lines = [...table.rows].map((row) => [...row.cells].map((cell) => csvCell(cell.textContent)).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = name + ".csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const table of document.querySelectorAll("table")) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  }
  const button = document.createElement("button");
  button.className = "csv";
  button.textContent = "CSV";
  button.setAttribute("aria-label", "Download " + table.getAttribute("aria-label") + " as CSV");
  button.addEventListener("click", () => download(table, table.getAttribute("aria-label")));
  table.parentElement.before(button);
}

// Paper shows lists whole, and of the folded tables those that the reader has opened.
addEventListener("beforeprint", () => { for (const list of document.querySelectorAll("details:not(.folded)")) list.open = true; });

// Charts: specifications lie in the page as JSON, the program that draws them as text. The page can be used before it runs:
// first the charts on the screen are drawn, then the others, one at a time, when nothing else is to be done.
const AMOUNT = 64; // pixels of an amount beside its bar

function fitted(spec, width) {
  const { margin = 150, aspect, ends } = spec.usermeta ?? {};
  const beside = Math.min(margin, Math.max(110, width * 0.45)); // names get less room on a narrow screen
  if (!spec.vconcat) spec.autosize = { type: "fit-x", contains: "padding" };
  for (const part of spec.vconcat ?? [spec]) {
    if (part.width !== undefined) part.width = spec.vconcat ? Math.max(140, width - beside) : width;
    if (aspect) part.height = part.width * aspect;
    for (const { encoding } of part.layer ?? [part]) {
      if (ends && encoding.x?.scale) encoding.x.scale.domain = [ends[0], ends[1] + (ends[1] - ends[0]) * AMOUNT / Math.max(AMOUNT, width - beside - AMOUNT)];
      const axis = encoding?.y?.axis;
      if (axis?.labelLimit) axis.labelLimit = Math.min(axis.labelLimit, beside - 20);
    }
  }
  return spec;
}

function startViewer() {
  const text = document.getElementById("viewer");
  if (!text) return;
  const script = document.createElement("script");
  script.textContent = text.textContent;
  text.replaceWith(script);
}

function configuration(width) {
  const ink = "var(--ink)", quiet = "var(--quiet)", line = "var(--line)"; // follow the screen, and paper, without drawing anew
  const text = { labelColor: ink, titleColor: quiet, titleFontWeight: "normal", labelFontSize: 11 };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: line },
    axis: { gridColor: line, domainColor: line, tickColor: line, ...text }, title: { color: ink }, text: { color: ink }, rule: { color: ink },
    scale: { invalid: { color: { value: "#8a939c" } } }, axisXQuantitative: { tickCount: width < 500 ? 4 : 8 }, legend: { ...text, columns: width < 500 ? 2 : 5, labelLimit: 140 },
  };
}

async function draw(holder) {
  const width = holder.clientWidth;
  const spec = fitted(JSON.parse(document.getElementById(holder.dataset.spec).textContent), width);
  try {
    holder.view = (await vegaEmbed(holder, spec, { actions: false, mode: "vega-lite", renderer: "svg", config: configuration(width) })).view;
    holder.style.minHeight = "";
    holder.dataset.drawn = "yes";
  } catch (fault) {
    holder.textContent = "This chart could not be drawn: " + fault.message;
    console.error(fault);
  }
}

const nothingElse = () => new Promise((next) => (window.requestIdleCallback ?? setTimeout)(next, { timeout: 60 }));

function onScreen(holder) {
  const { top, bottom } = holder.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

let drawing = 0; // a later drawing ends an earlier one

async function drawCharts() {
  const mine = ++drawing, waiting = [...document.querySelectorAll(".chart")];
  for (const holder of waiting) delete holder.dataset.drawn;
  while (waiting.length) {
    await nothingElse();
    if (mine !== drawing) return;
    startViewer();
    const next = Math.max(0, waiting.findIndex(onScreen));
    await draw(waiting.splice(next, 1)[0]);
  }
}

if (document.querySelector(".chart")) {
  drawCharts();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawCharts(); } });
}
