"use strict";
// Tables: a click on a heading sorts, a button gives the rows as CSV.
const NUMBER = /^[+\u2212-]?[\d,]*\.?\d+(e[+-]?\d+)?( ?%)?$/i;
const cellText = (row, i) => row.cells[i].textContent;
const asNumber = (text) => parseFloat(text.replaceAll(",", "").replace("\u2212", "-"));

function compareCells(a, b) {
  const numbers = NUMBER.test(a) && NUMBER.test(b);
  return numbers ? asNumber(a) - asNumber(b) : a.localeCompare(b);
}

function sortBy(table, heading) {
  const i = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => compareCells(cellText(a, i), cellText(b, i)) * (down ? -1 : 1));
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

// Charts: specifications lie in the page as JSON; widths follow the reader's screen.
function fitted(spec, width) {
  const { margin = 150, aspect } = spec.usermeta ?? {};
  const beside = Math.min(margin, Math.max(110, width * 0.45)); // names get less room on a narrow screen
  for (const part of spec.vconcat ?? [spec]) {
    if (part.width !== undefined) part.width = Math.max(140, width - beside);
    if (aspect) part.height = part.width * aspect;
    for (const { encoding } of part.layer ?? [part]) {
      const axis = encoding?.y?.axis;
      if (axis?.labelLimit) axis.labelLimit = Math.min(axis.labelLimit, beside - 20);
    }
  }
}

let drawing = 0; // a later drawing ends an earlier one

async function drawCharts() {
  const mine = ++drawing;
  for (const holder of document.querySelectorAll(".chart")) delete holder.dataset.drawn;
  const ink = "var(--ink)", quiet = "var(--quiet)", line = "var(--line)"; // follow the screen, and paper, without drawing anew
  const text = { labelColor: ink, titleColor: quiet, titleFontWeight: "normal", labelFontSize: 11 };
  const config = {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: line },
    axis: { gridColor: line, domainColor: line, tickColor: line, ...text }, title: { color: ink }, text: { color: ink }, rule: { color: ink },
  };
  for (const holder of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
    fitted(spec, holder.clientWidth);
    config.axisXQuantitative = { tickCount: holder.clientWidth < 500 ? 4 : 8 };
    config.legend = { ...text, columns: holder.clientWidth < 500 ? 2 : 5, labelLimit: 140 };
    try {
      holder.view = (await vegaEmbed(holder, spec, { actions: false, mode: "vega-lite", renderer: "svg", config })).view;
      holder.dataset.drawn = "yes";
    } catch (fault) {
      holder.textContent = "This chart could not be drawn: " + fault.message;
      console.error(fault);
    }
    await new Promise((next) => setTimeout(next)); // readers can scroll and click between two charts
    if (mine !== drawing) return;
  }
}

if (document.querySelector(".chart")) {
  drawCharts();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawCharts(); } });
}
