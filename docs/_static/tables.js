// On a phone, a table that is wider than the screen stands row by row, each cell with the heading of its column.
const tables = [...document.querySelectorAll(".bd-article .pst-scrollable-table-container > table:not(.meanings)")];
function words(cell) {
  const read = cell.cloneNode(true);
  read.querySelectorAll(".katex-mathml").forEach(spoken => spoken.remove());
  return read.textContent.trim();
}
for (const table of tables) {
  const headings = [...table.querySelectorAll("thead th")].map(words);
  for (const row of table.tBodies[0]?.rows ?? []) [...row.cells].forEach((cell, i) => { cell.dataset.heading = headings[i] ?? ""; });
}
function fit() {
  for (const table of tables) {
    table.classList.remove("rows");
    const box = table.parentElement;
    if (innerWidth <= 600 && box.scrollWidth > box.clientWidth) table.classList.add("rows");
    // what scrolls can be reached by the keyboard
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
document.fonts.ready.then(fit);
addEventListener("resize", fit);
