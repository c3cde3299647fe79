// Pictures on canvas: the plane, what units answer, curves.
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#777777", "#56b4e9", "#e69f00", "#8c564b", "#7f3c8d", "#a5aa99"];
// of points and lines on a dark page, where those of the plots would sink into the ground
const BRIGHT = ["#56b4e9", "#ff9d57", "#3fd6a8", "#e6a3cb", "#b5b5b5", "#8fd0f5", "#f0bd4f", "#c79087", "#bb7cc6", "#c9d2cb"];
export const colourOf = kind => (dark() ? BRIGHT : COLOURS)[kind % COLOURS.length];
const RGB = COLOURS.map(colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16)));
let theme = null;  // asked for once, since every pixel depends on it
export const dark = () => theme ??= document.documentElement.dataset.theme === "dark"
  || (document.documentElement.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
export const themeChanged = () => { theme = null; };
const paper = () => dark() ? [20, 24, 30] : [255, 255, 255];
const ink = () => dark() ? "#ced6dd" : "#222832";
const faint = () => dark() ? "#a3abb6" : "#48566b";

export function sized(canvas) {
  // Its context in CSS pixels, sharp on every screen.
  const scale = devicePixelRatio || 1, {clientWidth: width, clientHeight: height} = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return {context, width, height};
}

const mix = (a, b, t) => a + (b - a) * t;
function between(value, ground = paper()) {
  // From the colour of class 0 over paper to the colour of class 1, for -1 to 1.
  const strength = Math.min(1, Math.abs(value)) * (dark() ? 0.75 : 0.62), colour = RGB[value < 0 ? 0 : 1];
  return [mix(ground[0], colour[0], strength), mix(ground[1], colour[1], strength), mix(ground[2], colour[2], strength)];
}

export function field(values, rows, columns, kinds, scale) {
  // A small canvas with a pixel for each value; the first row of values is the lowest of the plane.
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const context = small.getContext("2d"), image = context.createImageData(columns, rows), ground = paper();
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
    const from = row * columns + column, to = 4 * ((rows - 1 - row) * columns + column);
    let colour;
    if (kinds > 1) {
      let best = 0;
      for (let kind = 1; kind < kinds; kind++) if (values[from * kinds + kind] > values[from * kinds + best]) best = kind;
      const sure = (values[from * kinds + best] - 1 / kinds) / (1 - 1 / kinds);
      colour = ground.map((part, i) => mix(part, RGB[best % RGB.length][i], 0.08 + 0.54 * Math.max(0, sure)));
    } else colour = between(scale(values[from]), ground);
    for (let i = 0; i < 3; i++) image.data[to + i] = colour[i];
    image.data[to + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return small;
}

export const spread = values => {
  let most = 1e-12;
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) > most) most = Math.abs(value);
  return most;
};

export function unitPicture(canvas, values, rows = 20, columns = 20) {
  canvas.width = columns;
  canvas.height = rows;
  const most = spread(values);
  canvas.getContext("2d").drawImage(field(values, rows, columns, 1, value => value / most), 0, 0);
}

export function marker(context, x, y, kind, size, hollow) {
  const shape = kind % 4;
  context.beginPath();
  if (shape === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - size * 0.88, y - size * 0.88, size * 1.76, size * 1.76);
  else {
    const corners = shape === 2 ? [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]] : [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]];
    corners.forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
    context.closePath();
  }
  const colour = colourOf(kind);
  if (hollow) {
    context.fillStyle = dark() ? "#14181e" : "#fff";
    context.strokeStyle = colour;
    context.lineWidth = 1.8;
  } else {
    context.fillStyle = colour;
    context.strokeStyle = dark() ? "#14181e" : "#fff";
    context.lineWidth = 0.8;
  }
  context.fill();
  context.stroke();
}

export function crossings(at, rows, columns, level) {
  // Line pieces where a field of rows and columns crosses a level, in units of its grid: marching squares.
  const pieces = [], part = (a, b) => (level - a) / (b - a);
  for (let row = 0; row + 1 < rows; row++) for (let column = 0; column + 1 < columns; column++) {
    const a = at(row, column), b = at(row, column + 1), c = at(row + 1, column + 1), d = at(row + 1, column), cut = [];
    if (a < level !== b < level) cut.push([column + part(a, b), row]);
    if (b < level !== c < level) cut.push([column + 1, row + part(b, c)]);
    if (d < level !== c < level) cut.push([column + part(d, c), row + 1]);
    if (a < level !== d < level) cut.push([column, row + part(a, d)]);
    for (let i = 0; i + 1 < cut.length; i += 2) pieces.push([cut[i], cut[i + 1]]);
  }
  return pieces;
}

export const column = (array, i, width) => Array.from({length: array.data.length / width}, (_, row) => array.data[row * width + i]);

export function planeOf(data, picture) {
  // What the plane shows, in numbers, for canvas and SVG alike.
  const [x0, x1, y0, y1] = data.limits, curve = data.features.length === 1;
  const width = data.x_train.shape.at(-1) ?? 1;
  const points = [];
  for (const [x, y, hollow] of [[data.x_train, data.y_train, false], [data.x_val, data.y_val, true]]) {
    if (!x?.data.length) continue;
    for (let i = 0; i < x.shape[0]; i++)
      points.push(curve ? {x: x.data[i * width], y: y.data[i], kind: 0, hollow} : {x: x.data[i * width], y: x.data[i * width + 1], kind: data.task === "classes" ? y.data[i] : 0, value: y.data[i], hollow});
  }
  const grid = picture?.grid;
  const kinds = !curve && grid?.shape.length === 3 ? grid.shape[2] : 1;
  let scale = value => 2 * value - 1, level = 0.5;
  if (!curve && data.task === "number") {
    const values = [...data.y_train.data], middle = values.reduce((a, b) => a + b, 0) / (values.length || 1), most = spread(values.map(value => value - middle));
    scale = value => (value - middle) / most;
    level = null;
  }
  let pieces = [];
  if (grid && !curve) {
    const [rows, columns] = grid.shape;
    if (kinds > 1) for (let kind = 0; kind < kinds; kind++) {
      const ahead = (row, at) => {
        let other = -Infinity;
        for (let k = 0; k < kinds; k++) if (k !== kind) other = Math.max(other, grid.data[(row * columns + at) * kinds + k]);
        return grid.data[(row * columns + at) * kinds + kind] - other;
      };
      pieces.push(...crossings(ahead, rows, columns, 0));
    } else if (level !== null) pieces = crossings((row, at) => grid.data[row * columns + at], rows, columns, level);
    pieces = pieces.map(piece => piece.map(([at, row]) => [x0 + (x1 - x0) * at / (columns - 1), y0 + (y1 - y0) * row / (rows - 1)]));
  }
  return {x0, x1, y0, y1, curve, points, grid, kinds, scale, pieces};
}

const EDGE = {left: 30, right: 4, top: 4, bottom: 20};
export function placing(data, width, height) {
  const [x0, x1, y0, y1] = data.limits, w = width - EDGE.left - EDGE.right, h = height - EDGE.top - EDGE.bottom;
  return {
    to: (x, y) => [EDGE.left + (x - x0) / (x1 - x0) * w, EDGE.top + (y1 - y) / (y1 - y0) * h],
    from: (px, py) => [x0 + (px - EDGE.left) / w * (x1 - x0), y1 - (py - EDGE.top) / h * (y1 - y0)],
    box: [EDGE.left, EDGE.top, w, h],
  };
}

export const ticks = (low, high, about = 5) => {
  const raw = (high - low) / about, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(f => f * power).find(s => s >= raw) ?? power;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) found.push(Number((i * step).toPrecision(10)));
  return found;
};
export const brief = value => {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replace("e+", "e");
  return size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
};

export function drawPlane(canvas, data, picture, mark) {
  const {context, width, height} = sized(canvas);
  if (!data || width < 50) return;
  const plane = planeOf(data, picture), place = placing(data, width, height), [left, top, w, h] = place.box;
  context.save();
  context.beginPath();
  context.rect(left, top, w, h);
  context.clip();
  if (plane.grid && !plane.curve) {
    const [rows, columns] = plane.grid.shape;
    context.imageSmoothingEnabled = true;
    // the outermost values lie on the frame, half a pixel of the small picture outside of it
    const dx = w / (columns - 1), dy = h / (rows - 1);
    context.drawImage(field(plane.grid.data, rows, columns, plane.kinds, plane.scale), left - dx / 2, top - dy / 2, w + dx, h + dy);
  }
  context.strokeStyle = ink();
  context.lineWidth = 1.5;
  context.lineCap = "round";
  context.beginPath();
  for (const [a, b] of plane.pieces) {
    context.moveTo(...place.to(...a));
    context.lineTo(...place.to(...b));
  }
  context.stroke();
  const size = plane.points.length > 700 ? 2.2 : plane.points.length > 250 ? 3 : 3.8;
  for (const point of plane.points) {
    const [px, py] = place.to(point.x, point.y);
    if (data.task === "number" && !plane.curve) {
      context.beginPath();
      context.arc(px, py, size, 0, 2 * Math.PI);
      context.fillStyle = `rgb(${between(plane.scale(point.value) * 1.6).map(Math.round)})`;
      context.strokeStyle = faint();
      context.lineWidth = point.hollow ? 2 : 0.8;
      context.fill();
      context.stroke();
    } else marker(context, px, py, point.kind, size, point.hollow);
  }
  if (plane.grid && plane.curve) {
    const values = plane.grid.data;
    context.strokeStyle = colourOf(1);
    context.lineWidth = 2.5;
    context.beginPath();
    for (let i = 0; i < values.length; i++) context[i ? "lineTo" : "moveTo"](...place.to(plane.x0 + (plane.x1 - plane.x0) * i / (values.length - 1), values[i]));
    context.stroke();
  }
  if (mark) {
    const [px, py] = place.to(...mark);
    for (const [colour, thick] of [[dark() ? "#14181e" : "#fff", 4], [ink(), 1.6]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.arc(px, py, 8, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(px + 5 * dx, py + 5 * dy);
        context.lineTo(px + 13 * dx, py + 13 * dy);
      }
      context.stroke();
    }
  }
  context.restore();
  context.strokeStyle = faint();
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, w - 1, h - 1);
  context.fillStyle = faint();
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const tick of ticks(plane.x0, plane.x1)) context.fillText(brief(tick), Math.max(left + 8, Math.min(left + w - 10, place.to(tick, plane.y0)[0])), top + h + 5);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks(plane.y0, plane.y1)) context.fillText(brief(tick), left - 4, Math.max(top + 6, Math.min(top + h - 6, place.to(plane.x0, tick)[1])));
}

export function drawCurve(canvas, series, {title, x: xName = "epoch", logX = false, mark, low} = {}) {
  // series: [{x, y, colour, dash}], with gaps where a value is not finite.
  const {context, width, height} = sized(canvas);
  if (width < 50) return;
  const finite = series.flatMap(({y}) => y.filter(Number.isFinite));
  const positive = finite.length && Math.min(...finite) > 0;
  const log = positive && Math.max(...finite) > 10 * Math.min(...finite);
  const f = log ? Math.log10 : value => value, g = logX ? Math.log10 : value => value;
  const xs = series.flatMap(({x}) => x);
  let x0 = xs.length ? g(Math.min(...xs)) : 0, x1 = xs.length ? g(Math.max(...xs)) : 1, y0 = finite.length ? f(Math.min(...finite)) : 0, y1 = finite.length ? f(Math.max(...finite)) : 1;
  if (x1 <= x0) x1 = x0 + 1;
  if (low !== undefined && !log) y0 = Math.min(y0, low);
  const pad = (y1 - y0) * 0.06 || 0.5 * Math.abs(y1) || 0.5;
  y0 -= pad; y1 += pad;
  const left = 44, top = 20, w = width - left - 8, h = height - top - 30;
  const to = (x, y) => [left + (g(x) - x0) / (x1 - x0) * w, top + (y1 - f(y)) / (y1 - y0) * h];
  const accents = [colourOf(0), colourOf(1)];
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = faint();
  context.textBaseline = "top";
  context.textAlign = "left";
  context.fillText(title, 2, 2);
  context.textAlign = "right";
  context.fillText(xName, width - 8, height - 13);
  context.strokeStyle = dark() ? "#48566b" : "#d1d5da";
  context.lineWidth = 1;
  context.textBaseline = "middle";
  const marks = log && y1 - y0 > 1.2 ? Array.from({length: 30}, (_, i) => i - 18).filter(e => e >= y0 && e <= y1).map(e => 10 ** e) : log ? [1, 2, 5].flatMap(m => Array.from({length: 20}, (_, i) => m * 10 ** (i - 12))).filter(v => f(v) >= y0 && f(v) <= y1) : ticks(y0, y1, 4);
  for (const value of marks) {
    const y = to(logX ? 10 ** x0 : x0, value)[1];
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + w, y);
    context.stroke();
    context.fillText(brief(value), left - 5, y);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  const below = logX ? Array.from({length: 30}, (_, i) => i - 18).filter(e => e >= x0 - 1e-9 && e <= x1 + 1e-9).map(e => 10 ** e) : ticks(x0, x1, Math.min(6, Math.max(2, w / 80))).filter(Number.isInteger);
  for (const value of below.slice(0, 12)) context.fillText(brief(value), Math.max(left + 6, Math.min(left + w - 6, to(value, 1)[0])), top + h + 4);
  context.save();
  context.beginPath();
  context.rect(left, top - 2, w + 2, h + 4);
  context.clip();
  if (mark) {
    context.strokeStyle = faint();
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(to(mark, 1)[0], top);
    context.lineTo(to(mark, 1)[0], top + h);
    context.stroke();
  }
  series.forEach(({x, y}, i) => {
    context.strokeStyle = accents[i % 2];
    context.lineWidth = 2;
    context.setLineDash(i ? [5, 3] : []);
    context.beginPath();
    let pen = false;
    y.forEach((value, at) => {
      if (!Number.isFinite(value)) { pen = false; return; }
      context[pen ? "lineTo" : "moveTo"](...to(x[at], value));
      if (!pen && !Number.isFinite(y[at + 1])) context.arc(...to(x[at], value), 1.5, 0, 2 * Math.PI);
      pen = true;
    });
    context.stroke();
  });
  context.restore();
}

export function planeAsSvg(data, picture) {
  // A file of its own: colours as a small embedded picture, the boundary and the points as shapes.
  const size = 480, plane = planeOf(data, picture), place = placing(data, size, size), [left, top, w, h] = place.box;
  const space = "http://www.w3.org/2000/svg", file = document.implementation.createDocument(space, "svg"), root = file.documentElement;
  const add = (name, given, parent = root) => {
    const element = file.createElementNS(space, name);
    for (const [key, value] of Object.entries(given)) element.setAttribute(key, typeof value === "number" ? Number(value.toFixed(2)) : value);
    return parent.appendChild(element);
  };
  for (const [key, value] of Object.entries({width: size, height: size, viewBox: `0 0 ${size} ${size}`, role: "img"})) root.setAttribute(key, value);
  add("title", {}).textContent = "What a network answers over the plane, with its points";
  add("rect", {width: size, height: size, fill: `rgb(${paper()})`});
  const clip = add("clipPath", {id: "frame"});
  add("rect", {x: left, y: top, width: w, height: h}, clip);
  const group = add("g", {"clip-path": "url(#frame)"});
  if (plane.grid && !plane.curve) {
    const [rows, columns] = plane.grid.shape, dx = w / (columns - 1), dy = h / (rows - 1);
    add("image", {x: left - dx / 2, y: top - dy / 2, width: w + dx, height: h + dy, preserveAspectRatio: "none", href: field(plane.grid.data, rows, columns, plane.kinds, plane.scale).toDataURL()}, group);
  }
  const path = pairs => pairs.map(pair => pair.map(([x, y], i) => `${i ? "L" : "M"}${place.to(x, y).map(v => v.toFixed(1)).join(" ")}`).join("")).join("");
  if (plane.pieces.length) add("path", {d: path(plane.pieces), fill: "none", stroke: ink(), "stroke-width": 1.5}, group);
  for (const {x, y, kind, hollow, value} of plane.points) {
    const [px, py] = place.to(x, y), colour = value !== undefined && data.task === "number" ? `rgb(${between(plane.scale(value) * 1.6).map(Math.round)})` : colourOf(kind);
    const look = {fill: hollow ? `rgb(${paper()})` : colour, stroke: hollow ? colour : `rgb(${paper()})`, "stroke-width": hollow ? 1.6 : 0.7};
    const shape = kind % 4;
    if (shape === 0) add("circle", {cx: px, cy: py, r: 3.6, ...look}, group);
    else if (shape === 1) add("rect", {x: px - 3.2, y: py - 3.2, width: 6.4, height: 6.4, ...look}, group);
    else add("path", {d: shape === 2 ? `M${px} ${py - 4.1}l4 7.2h-8z` : `M${px} ${py - 4.5}l4.5 4.5-4.5 4.5-4.5-4.5z`, ...look}, group);
  }
  if (plane.grid && plane.curve) add("path", {d: path([[...plane.grid.data].map((y, i, all) => [plane.x0 + (plane.x1 - plane.x0) * i / (all.length - 1), y])]), fill: "none", stroke: colourOf(1), "stroke-width": 2.5}, group);
  add("rect", {x: left, y: top, width: w, height: h, fill: "none", stroke: faint()});
  const text = {"font-family": "system-ui, sans-serif", "font-size": 11, fill: faint()};
  for (const tick of ticks(plane.x0, plane.x1)) add("text", {x: place.to(tick, 0)[0], y: top + h + 14, "text-anchor": "middle", ...text}).textContent = brief(tick);
  for (const tick of ticks(plane.y0, plane.y1)) add("text", {x: left - 4, y: place.to(0, tick)[1] + 4, "text-anchor": "end", ...text}).textContent = brief(tick);
  return new XMLSerializer().serializeToString(file);
}
