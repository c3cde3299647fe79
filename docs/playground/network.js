// The network as a drawing: units as small pictures, which are buttons, and weights as lines between them.
import {brief, spread, unitPicture} from "./draw.js";

const SPACE = "http://www.w3.org/2000/svg", MOST = 9;  // units drawn of a layer
const make = (tag, given = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), given);
  element.append(...inside);
  return element;
};

export class Drawing {
  constructor(box, numbers) {
    this.box = box;
    this.numbers = numbers;
    this.chosen = null;
  }

  lay(columns) {
    // columns: [{name, units}], the features first and the outputs last
    this.columns = columns;
    this.box.replaceChildren();
    this.numbers.replaceChildren();
    this.chosen = null;
    this.svg = document.createElementNS(SPACE, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    this.box.append(this.svg);
    this.buttons = [];
    this.paths = [];
    const tall = Math.max(...columns.map(({units}) => Math.min(units, MOST)));
    columns.forEach(({name, units}, column) => {
      const shown = units > MOST ? MOST - 1 : units, x = `${(column + 0.5) / columns.length * 100}%`;
      const label = make("div", {className: "column-name", textContent: name});
      label.style.left = x;
      label.style.top = "0";
      this.box.append(label);
      const row = [];
      for (let unit = 0; unit < shown; unit++) {
        const button = make("button", {type: "button", className: tall > 6 ? "unit small" : "unit"});
        button.style.left = x;
        button.style.top = `${this.height(unit, Math.min(units, MOST)) * 100}%`;
        button.setAttribute("aria-label", column ? `${name}, unit ${unit + 1}` : `Feature ${unit + 1}`);
        button.setAttribute("aria-pressed", "false");
        button.append(column ? document.createElement("canvas") : `x${"₁₂₃₄₅₆₇₈₉"[unit]}`);
        button.addEventListener("click", () => this.choose({column, unit}));
        this.box.append(button);
        row.push(button);
      }
      if (units > shown) {
        const more = make("div", {className: "more", textContent: `and ${units - shown} more`});
        more.style.left = x;
        more.style.top = `${this.height(shown, MOST) * 100 - 2}%`;
        this.box.append(more);
      }
      this.buttons.push(row);
    });
    for (let column = 1; column < columns.length; column++) {
      const from = this.buttons[column - 1].length, to = this.buttons[column].length, lines = [];
      for (let i = 0; i < from; i++) for (let j = 0; j < to; j++) {
        const path = document.createElementNS(SPACE, "path");
        this.svg.append(path);
        lines.push({path, i, j});
      }
      if (from * to <= 90) for (const line of lines) {
        const hit = document.createElementNS(SPACE, "path");
        hit.classList.add("hit");
        hit.addEventListener("click", () => this.choose({column, unit: line.j, from: line.i}));
        this.svg.append(hit);
        line.hit = hit;
      }
      this.paths.push(lines);
    }
    this.place();
  }

  height(place, count) { return 0.1 + 0.9 * (place + 0.5) / Math.max(count, 1); }

  place() {
    if (!this.columns) return;
    const {clientWidth: width, clientHeight: height} = this.box, half = (this.buttons[0][0]?.offsetWidth ?? 36) / 2;
    const x = column => (column + 0.5) / this.columns.length * width;
    const y = (column, unit) => this.height(unit, Math.min(this.columns[column].units, MOST)) * height;
    this.paths.forEach((lines, at) => {
      for (const {path, hit, i, j} of lines) {
        const a = x(at) + half, b = x(at + 1) - half, middle = (a + b) / 2, d = `M${a} ${y(at, i)}C${middle} ${y(at, i)} ${middle} ${y(at + 1, j)} ${b} ${y(at + 1, j)}`;
        path.setAttribute("d", d);
        hit?.setAttribute("d", d);
      }
    });
  }

  show(picture) {
    this.picture = picture;
    picture.units?.forEach((units, at) => {
      const [, ...shape] = units.shape, size = shape.reduce((a, b) => a * b, 1);
      this.buttons[at + 1]?.forEach((button, unit) => {
        const canvas = button.firstChild, values = units.data.subarray ? units.data.subarray(unit * size, (unit + 1) * size) : units.data.slice(unit * size, (unit + 1) * size);
        // of one feature every row is the same: a curve says more
        if (this.columns[0].units === 1) this.line(canvas, values.slice(0, shape.at(-1)));
        else unitPicture(canvas, values, ...shape);
      });
    });
    picture.weights?.forEach(({W}, at) => {
      if (!W || !this.paths[at]) return;
      const most = spread(W.data), columns = W.shape[1];
      for (const {path, i, j} of this.paths[at]) {
        const value = W.data[i * columns + j];
        path.setAttribute("stroke-width", (0.4 + 3.6 * Math.abs(value) / most).toFixed(2));
        path.classList.toggle("minus", value < 0);
      }
    });
    if (this.chosen) this.tell();
  }

  line(canvas, values) {
    canvas.width = canvas.height = 40;
    const context = canvas.getContext("2d");
    const low = Math.min(...values), high = Math.max(...values), range = high - low || 1;
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2;
    context.beginPath();
    values.forEach((value, i) => context[i ? "lineTo" : "moveTo"](2 + 36 * i / (values.length - 1), 36 - 32 * (value - low) / range));
    context.stroke();
  }

  choose(which) {
    const same = JSON.stringify(which) === JSON.stringify(this.chosen);
    this.chosen = same ? null : which;
    this.buttons.forEach((row, column) => row.forEach((button, unit) => button.setAttribute("aria-pressed", String(!same && column === which.column && unit === which.unit))));
    if (same) this.numbers.replaceChildren();
    else this.tell();
  }

  tell() {
    const {column, unit, from} = this.chosen, {name} = this.columns[column];
    if (column === 0) return this.numbers.replaceChildren(make("p", {textContent: `Feature ${unit + 1} of the data: ${this.columns[0].names?.[unit] ?? `x${unit + 1}`}.`}));
    const {W, b} = this.picture?.weights?.[column - 1] ?? {};
    if (!W) return this.numbers.replaceChildren(make("p", {textContent: "Its numbers are there as soon as the network is."}));
    const [rows, columns] = W.shape, before = this.columns[column - 1].name;
    const list = make("dl");
    const add = (what, value) => list.append(make("div", {}, make("dt", {textContent: what}), make("dd", {textContent: brief(value)})));
    for (let i = 0; i < rows; i++) if (from === undefined || i === from) add(`from ${column === 1 ? "x" : ""}${i + 1}`, W.data[i * columns + unit]);
    if (b && from === undefined) add("bias", b.data[unit]);
    this.numbers.replaceChildren(make("strong", {textContent: `${name}, unit ${unit + 1}`}), ` - ${from === undefined ? "its weights" : "a weight"} from ${before.toLowerCase()}`, list);
  }
}
