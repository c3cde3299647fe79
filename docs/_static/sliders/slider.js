// What the sliders share: a range input with its name and value, a drawing that answers it, and numbers below.

export const round = (value, digits = 3) =>
  value !== 0 && (Math.abs(value) >= 1e4 || Math.abs(value) < 10 ** -digits) ? value.toExponential(1) : value.toFixed(digits);

// A drawing's frame: the axes, and x(value), y(value) in pixels. Limits are [from, to]; ticks are values, or [value, text].
export function frame({left = 44, top = 12, width, height, xs, ys, xticks = [], yticks = [], xlabel = "", ylabel = ""}) {
  const x = value => left + (value - xs[0]) / (xs[1] - xs[0]) * width;
  const y = value => top + (ys[1] - value) / (ys[1] - ys[0]) * height;
  const pair = tick => Array.isArray(tick) ? tick : [tick, tick];
  const axes = [
    `<path class="axis" d="M${left} ${top}V${top + height}H${left + width}"/>`,
    ...xticks.map(pair).map(([value, text]) => `<text x="${x(value)}" y="${top + height + 16}" text-anchor="middle">${text}</text>`),
    ...yticks.map(pair).map(([value, text]) => `<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${text}</text>`),
    `<text x="${left + width / 2}" y="${top + height + 32}" text-anchor="middle">${xlabel}</text>`,
    `<text x="${left}" y="${top - 3}">${ylabel}</text>`,
  ].join("");
  const inside = value => Math.min(Math.max(value, top - 2), top + height + 2);  // curves end at the frame
  const line = (points, name) => {
    const d = points.map(([a, b]) => `${x(a).toFixed(1)} ${inside(y(b)).toFixed(1)}`).join("L");
    return `<path class="${name}" d="M${d}"/>`;
  };
  const dot = (a, b, name, r = 4) => `<circle class="${name}" cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="${r}"/>`;
  return {x, y, axes, line, dot};
}

export const range = (n, from, to) => Array.from({length: n}, (_, i) => from + (to - from) * i / (n - 1));

// Fill the place of a slider. `inputs`: {key: {label, min, max, step, value}}; `draw(values, width, data)` returns
// {height, svg, said}, where `said` are numbers by name: {key: [words before, number as text]}.
export function slider(name, {title, inputs, draw}) {
  const place = document.getElementById(`slider-${name}`);
  const data = JSON.parse(place.dataset.values || "null");
  const controls = document.createElement("div");
  controls.className = "controls";
  const values = {}, shown = {};
  for (const [key, {label, min, max, step, value, format = String}] of Object.entries(inputs)) {
    const id = `slider-${name}-${key}`;
    controls.insertAdjacentHTML("beforeend", `<p><label for="${id}">${label}</label> <output for="${id}"></output>` +
      `<input type="range" id="${id}" min="${min}" max="${max}" step="${step}" value="${value}"></p>`);
    const input = controls.lastElementChild.querySelector("input");
    const output = controls.lastElementChild.querySelector("output");
    shown[key] = () => {
      values[key] = input.valueAsNumber;
      output.textContent = format(values[key]);
      input.setAttribute("aria-valuetext", format(values[key]));
    };
    input.addEventListener("input", () => { shown[key](); show(); });
    shown[key]();
  }
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("role", "img");
  const said = document.createElement("p");
  said.className = "said";
  said.setAttribute("aria-live", "polite");
  place.prepend(controls, drawing, said);
  place.classList.add("live");
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", title);
  let width = 0;
  function show() {
    const {height, svg, said: numbers} = draw(values, width, data);
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.setAttribute("height", height);
    const words = Object.entries(numbers).map(([key, [before, number]]) => [key, before, number]);
    drawing.setAttribute("aria-label", `${title}: ${words.map(([, before, number]) => `${before} ${number}`).join(", ")}`);
    drawing.innerHTML = svg;
    said.innerHTML = words.map(([key, before, number]) => `<span>${before} <b data-number="${key}">${number}</b></span>`).join(" ");
  }
  new ResizeObserver(() => {
    if (Math.round(place.clientWidth) === width) return;
    width = Math.round(place.clientWidth);
    show();
  }).observe(place);
}
