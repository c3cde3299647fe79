// Equations with the numbers of a point, set by KaTeX.
const MOST = {rows: 4, columns: 6};

const digits = value => {
  if (!Number.isFinite(value)) return value > 0 ? "\\infty" : value < 0 ? "-\\infty" : "\\text{not a number}";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) {
    const [head, power] = value.toExponential(1).split("e");
    return `${head}{\\cdot}10^{${Number(power)}}`;
  }
  return value.toFixed(3);
};

export function matrix(array) {
  // Its first rows and columns in TeX, dots for the rest.
  const {shape, data} = array;
  if (data.length === 1) return digits(data[0]);
  const columns = shape.at(-1), rows = data.length / columns;
  const shown = rows > MOST.rows ? MOST.rows - 1 : rows, across = columns > MOST.columns ? MOST.columns - 1 : columns;
  const lines = Array.from({length: shown}, (_, row) =>
    [...Array.from({length: across}, (_, column) => digits(data[row * columns + column])), ...(across < columns ? ["\\cdots"] : [])].join(" & "));
  if (shown < rows) lines.push(Array(across + (across < columns)).fill("\\vdots").join(" & "));
  return `\\begin{bmatrix}${lines.join("\\\\")}\\end{bmatrix}`;
}

function set(box, tex) {
  globalThis.katex.render(tex, box, {displayMode: false, throwOnError: false, trust: false, maxExpand: 200, maxSize: 20});
}

export function fit(box) {
  // What is wider than its box becomes smaller, down to two thirds; what is wider still scrolls, by keys too.
  box.style.fontSize = "";
  const wide = box.scrollWidth / Math.max(box.clientWidth, 1);
  if (wide > 1) box.style.fontSize = `${Math.max(66, Math.floor(98 / wide))}%`;
  if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

export function show(box, steps) {
  let before;
  const parts = [];
  for (const {layer, name, equation, values, ...rest} of steps) {
    const pass = rest.pass ?? rest.direction;
    if (pass && pass !== before) parts.push(Object.assign(document.createElement("h3"), {textContent: pass === "forward" ? "Forward, from the point to its loss" : "Backward, from the loss to the gradients"}));
    before = pass;
    const step = document.createElement("div"), title = document.createElement("p");
    step.className = "equation";
    title.textContent = [typeof layer === "number" ? `Layer ${layer + 1}` : layer, name].filter(Boolean).join(": ");
    step.append(title);
    for (const tex of [equation, ...values.map(value => `${value.symbol} = ${matrix(value.data)}`)]) {
      const line = document.createElement("div");
      line.className = "tex";
      set(line, `\\displaystyle ${tex}`);
      step.append(line);
    }
    parts.push(step);
  }
  box.replaceChildren(...parts);
  box.querySelectorAll(".tex").forEach(fit);
}
