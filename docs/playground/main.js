// The page: what the reader does becomes settings, settings become calls, and what the worker answers is drawn.
import {brief, dark, drawCurve, drawPlane, marker, placing, planeAsSvg, themeChanged} from "./draw.js";
import {Engine} from "./engine.js";
import {fit, show as showEquations} from "./equations.js";
import {Drawing} from "./network.js";
import {checked, CHOICES, fromAddress, MOST_FILE, MOST_LAYERS, MOST_POINTS, MOST_TEXT, spoken, toAddress, USUAL} from "./settings.js";

const $ = id => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const make = (tag, given = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), given);
  element.append(...inside);
  return element;
};

let engine, settings = structuredClone(USUAL), data = null, picture = null, presets = [], digits = null;
let running = false, fresh = false, revision = 0, timer = 0, mark = null, pinned = false, probing = false, nextProbe = null, pictures = 0, ended = 0, isStill = false;
const drawing = new Drawing($("net"), $("numbers"));

// --- what is said
function trouble(text) {
  $("trouble-text").textContent = text;
  $("trouble").hidden = !text;
}
function say(list, sentences) { list.replaceChildren(...sentences.map(text => make("li", {textContent: text}))); }
function worded(error) { return error.message || String(error); }
function whyNot(error) {
  // Why Python is not there, and what to do.
  const local = !/^https?:/.test(engine.config.pyodide), reason = navigator.onLine ? "" : " This device seems to be offline.";
  const from = local ? "from this site" : `from ${new URL(engine.config.pyodide).host}`;
  return `Python could not be loaded ${from}.${reason} Look whether a connection, a content blocker or the network's rules keep it away, then start again; or install the package and run the chapters on your own machine. (${worded(error).slice(0, 200)})`;
}
function able() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function" || !("noModule" in HTMLScriptElement.prototype))
    return "This browser cannot run Python: it lacks WebAssembly or workers, or they are switched off. A current Firefox, Chrome, Edge or Safari can; the chapters can be read in any.";
  return "";
}

// --- calls
async function startPython() {
  if (engine.ready) return;
  trouble("");
  $("starting").hidden = false;
  $("size-note").hidden = true;
  $("start-bar").value = 0;
  try { await engine.start(); }
  catch (error) {
    if (!error.ended || !/stopped/.test(error.message)) trouble(whyNot(error));
    throw Object.assign(error, {told: true});
  } finally { $("starting").hidden = true; }
}
async function call(name, given) {
  await startPython();
  return engine.call(name, given);
}
async function attempt(action, tell = text => trouble(text)) {
  try { return await action(); }
  catch (error) { if (!error.told && !error.ended) tell(worded(error)); }
}

async function configure() {
  clearTimeout(timer);
  timer = 0;
  const mine = ++revision;
  await startPython();
  if (running) await stop();
  const sent = structuredClone(settings);
  if (sent.data.kind === "digits") {
    digits ??= await (await fetch("digits.json")).json();
    sent.data.points = digits.filter(([, , label]) => label < sent.data.classes).slice(0, sent.data.n);
    sent.data.task = "classes";
  }
  try {
    const answer = await engine.call("configure", {settings: sent});
    if (mine !== revision) return false;
    take(answer);
    fresh = true;
    return true;
  } catch (error) {
    if (error.ended) throw error;
    fresh = false;
    say($("said"), [worded(error)]);
    $("said").scrollIntoView({block: "nearest"});
    return false;
  }
}
function take(answer) {
  isStill = false;
  data = answer.data;
  say($("said"), answer.said ?? []);
  showLegend();
  layOut(answer);
  pinned = false;
  showPicture(answer.picture, true);
}
async function ready() { return fresh && !timer ? true : configure(); }

async function train() {
  if (running) return stop();
  await attempt(async () => {
    $("train").disabled = true;
    try { if (!await ready()) return; } finally { $("train").disabled = false; }
    setRunning(true);
    pictures = 0;
    say($("said"), []);
    performance.mark("train");
    await engine.call("train", {epochs: settings.epochs});
  });
}
async function stop() {
  await engine.call("pause");
  setRunning(false);
}
function setRunning(value) {
  running = value;
  engine.training = value;
  $("train").textContent = value ? "Pause" : "Train";
  for (const id of ["step", "epoch"]) $(id).disabled = value;
}
async function advance(name) {
  await attempt(async () => {
    if (!await ready()) return;
    const answer = await engine.call(name);
    if (answer?.grid) showPicture(answer, true);
    else showPicture(await engine.call("picture"), true);
    announce();
  });
}

function onEvent(event) {
  if (event.event === "ready") $("versions").textContent = `Running here: ${Object.entries(event.versions).map(pair => pair.join(" ")).join(", ")}.`;
  else if (event.event === "progress") {
    $("start-text").textContent = event.text;
    $("start-bar").value = event.done;
  } else if (event.event === "picture") {
    pictures++;
    showPicture(event.picture);
    // the next one is asked for when this one has been seen
    if (calm.matches) setTimeout(() => engine.tell("seen"), 500);
    else if (document.hidden) engine.tell("seen");
    else requestAnimationFrame(() => engine.tell("seen"));
  } else if (event.event === "stopped") {
    setRunning(false);
    if (event.reason !== "paused" && event.message) say($("said"), [event.message]);
    attempt(async () => { showPicture(await engine.call("picture"), true); announce(event.reason === "finished" ? "Training has ended. " : event.reason === "diverged" ? `${event.message ?? "Training diverged."} ` : "Paused. "); ended++; });
  }
}

async function restart() {
  engine.end();
  setRunning(false);
  fresh = false;
  $("slow").hidden = true;
  await attempt(configure);
}

// --- what is shown
function showPicture(given, whole = false) {
  if (!given) return;
  picture = given;
  $("score-epoch").textContent = picture.steps_in_epoch > 1 && picture.step % picture.steps_in_epoch ? `${picture.epoch} + ${picture.step % picture.steps_in_epoch} of ${picture.steps_in_epoch} steps` : String(picture.epoch);
  $("score-train").textContent = brief(picture.train_loss);
  $("score-val").textContent = brief(picture.val_loss);
  $("score-metric-name").textContent = named(picture.metric_name);
  $("score-metric").textContent = measured(picture.val_metric ?? picture.train_metric);
  paint();
  drawing.show(picture);
  showSizes();
  if (whole || !running) { if (pinned && mark) probe(mark); }
}
const isShare = () => /accuracy/.test(picture?.metric_name);
const named = name => name ? `${name.replaceAll("_", " ").replace(/^./, first => first.toUpperCase())}` : "Metric";
const measured = value => value === undefined || value === null || Number.isNaN(value) ? "-" : isShare() ? `${(100 * value).toFixed(1)} %` : brief(value);

function paint() {
  drawPlane($("plane"), data, picture, mark);
  if (!running || performance.now() - drawn > 100) curves();
  $("under").textContent = isStill ? "The picture of an earlier run; Train computes one here." : `Filled points are trained on${data?.x_val?.data.length ? ", hollow ones validate" : ""}.`;
}
let drawn = 0;  // when the curves were, which need not be for each picture
function curves() {
  drawn = performance.now();
  const history = picture?.history ?? {}, of = name => [...(history[name]?.data ?? [])].map(value => value ?? NaN);
  const series = (train, val) => [of(train), of(val)].map(y => ({x: y.map((_, i) => i + 1), y})).filter(({y}, i) => i === 0 || y.length);
  drawCurve($("loss-curve"), series("train_loss", "val_loss"), {title: "loss"});
  const metric = picture?.metric_name, key = metric && Object.keys(history).find(name => name.startsWith("train_") && name !== "train_loss");
  $("metric-curve").hidden = !key;
  if (key) drawCurve($("metric-curve"), series(key, key.replace("train_", "val_")), {title: (metric ?? key).replaceAll("_", " ")});
}
function showSizes() {
  const rows = picture.gradients ?? [], body = $("sizes").tBodies[0];
  if (body.rows.length !== rows.length) body.replaceChildren(...rows.map(() => make("tr", {}, make("th", {scope: "row"}), make("td", {className: "size"}, make("span"), make("i")), make("td", {className: "size"}, make("span"), make("i")))));
  const columns = drawing.columns ?? [];
  rows.forEach((gradient, i) => {
    const [head, first, second] = body.rows[i].cells;
    head.textContent = columns[i + 1]?.name ?? `Layer ${i + 1}`;
    for (const [cell, value] of [[first, gradient], [second, picture.updates?.[i]]]) {
      cell.firstChild.textContent = brief(value);
      // a decade is a tenth of the bar, from 1e-8 to 100
      cell.lastChild.style.width = `${value > 0 ? Math.max(1, Math.min(100, 10 * (Math.log10(value) + 8))) : 0}%`;
    }
  });
}
function layOut(answer) {
  const hidden = answer.settings?.layers ?? settings.layers, outputs = answer.picture.weights?.at(-1)?.W.shape[1] ?? 1;
  drawing.lay([
    {name: "Data", units: data.features.length, names: data.features},
    ...hidden.map(({units, activation}, i) => ({name: `Layer ${i + 1}`, units, activation})),
    {name: "Output", units: outputs},
  ]);
}
function showLegend() {
  const labels = data.task === "classes" ? data.labels ?? [] : [];
  $("legend").replaceChildren(...labels.map((label, kind) => {
    const canvas = make("canvas", {width: 28, height: 28}), context = canvas.getContext("2d");
    context.scale(2, 2);
    marker(context, 7, 7, kind, 5, false);
    canvas.setAttribute("aria-hidden", "true");
    return make("li", {}, canvas, String(label));
  }));
  const curve = data.features.length === 1;
  $("legend").hidden = !labels.length;
  for (const radio of document.querySelectorAll("[name=pen]")) {
    const kind = Number(radio.value), most = ["points", "table"].includes(settings.data.kind) ? 4 : Math.max(2, labels.length);
    const ofClass = radio.parentElement.querySelector("span");
    if (ofClass) ofClass.hidden = data.task === "number";
    if (Number.isInteger(kind)) radio.parentElement.hidden = data.task === "number" ? !curve || kind > 0 : kind >= most;
  }
}
let lastSaid = 0;
function announce(before = "") {
  lastSaid = performance.now();
  $("live").textContent = `${before}Epoch ${picture.epoch}, training loss ${brief(picture.train_loss)}${picture.val_loss === null || picture.val_loss === undefined ? "" : `, validation loss ${brief(picture.val_loss)}`}.`;
}
setInterval(() => {
  if (!engine) return;
  if (running && picture && performance.now() - lastSaid > 6000) announce();
  $("slow").hidden = !(engine.ready && engine.quietFor > 4000);
}, 500);

// --- the plane: looking, drawing, removing
const pen = () => document.querySelector("[name=pen]:checked").value;
function at(event) {
  const box = $("plane").getBoundingClientRect();
  return data && placing(data, box.width, box.height).from(event.clientX - box.left, event.clientY - box.top);
}
function within([x, y]) {
  const [x0, x1, y0, y1] = data.limits;
  return [Math.min(x1, Math.max(x0, x)), Math.min(y1, Math.max(y0, y))];
}
function pointsNow() {
  const points = [], curve = data.features.length === 1, width = data.x_train.shape.at(-1);
  for (const [x, y] of [[data.x_train, data.y_train], [data.x_val, data.y_val]])
    for (let i = 0; i < (x?.shape[0] ?? 0); i++) points.push(curve ? [x.data[i * width], y.data[i]] : [x.data[i * width], x.data[i * width + 1], y.data[i]]);
  return points;
}
function redraw(points) {
  // At once, before Python has them; all of them filled until it shares them out.
  const curve = data.features.length === 1, task = data.task;
  settings.data = {...settings.data, kind: settings.data.kind === "table" ? "table" : "points", points: points.slice(0, MOST_POINTS), task};
  data = {...data,
    x_train: {shape: [points.length, curve ? 1 : 2], data: points.flatMap(point => point.slice(0, curve ? 1 : 2))},
    y_train: {shape: [points.length], data: points.map(point => point.at(-1))}, x_val: {shape: [0, curve ? 1 : 2], data: []}, y_val: {shape: [0], data: []}};
  fill();
  paint();
  later(500);
}
function press(place, what = pen()) {
  if (!data) return;
  place = within(place);
  mark = place;
  if (what === "look") {
    pinned = true;
    paint();
    return probe(place);
  }
  const points = pointsNow(), curve = data.features.length === 1;
  if (what === "remove") {
    if (!points.length) return;
    const [x0, x1, y0, y1] = data.limits;
    const far = point => ((point[0] - place[0]) / (x1 - x0)) ** 2 + ((point[1] - place[1]) / (y1 - y0)) ** 2;
    points.splice(points.reduce((best, point, i) => far(point) < far(points[best]) ? i : best, 0), 1);
  } else if (points.length < MOST_POINTS) points.push(curve ? [...place] : [...place, Number(what)]);
  redraw(points);
}
async function probe(place) {
  if (!engine.ready || !fresh || timer) {
    if (!engine.started) $("equations-at").textContent = "The equations stand here once Python has started: press Train.";
    return;
  }
  if (probing) { nextProbe = place; return; }
  probing = true;
  try {
    const curve = data.features.length === 1, nearest = nearestTarget(place);
    const answer = await engine.call("probe", {x: curve ? [place[0]] : place, target: nearest.target});
    showEquations($("equations"), answer.steps);
    $("equations-at").textContent = `At ${data.features.map((name, i) => `${name} = ${brief(place[i])}`).join(", ")}, with the target ${data.task === "classes" ? data.labels?.[nearest.target] ?? nearest.target : brief(nearest.target)} of the nearest point.${pinned ? "" : " A press keeps the point."}`;
  } catch (error) { if (!error.ended) $("equations-at").textContent = worded(error); }
  probing = false;
  if (nextProbe) { const next = nextProbe; nextProbe = null; probe(next); }
}
function nearestTarget(place) {
  const [x0, x1, y0, y1] = data.limits, curve = data.features.length === 1;
  let best = Infinity, target = 0;
  for (const point of pointsNow()) {
    const far = ((point[0] - place[0]) / (x1 - x0)) ** 2 + (curve ? 0 : ((point[1] - place[1]) / (y1 - y0)) ** 2);
    if (far < best) { best = far; target = point.at(-1); }
  }
  return {target};
}

// --- from fields to settings and back
function later(wait = 250) {
  fresh = false;
  clearTimeout(timer);
  history.replaceState(null, "", toAddress(settings));
  timer = setTimeout(() => attempt(configure), wait);
}
function change(action) {
  const before = settings;
  try {
    const next = structuredClone(settings);
    action(next);
    settings = checked(next);
    $("preset").value = "";
    lesson(null);
    say($("said"), []);
    later();
  } catch (error) {
    settings = before;
    say($("said"), [worded(error)]);
    return false;
  }
  fill();
  return true;
}
function options(select, names) { select.replaceChildren(...names.map(name => make("option", {value: name, textContent: spoken(name)}))); }

const FIELDS = {
  epochs: ["epochs", Number], loss: ["loss", String], optimizer: ["optimizer", String], eta: ["eta", Number], schedule: ["schedule", String], regularizer: ["regularizer", String],
  strength: ["strength", Number], "batch-size": ["batch_size", value => value.trim() === "all" ? "all" : Number(value)], initializer: ["initializer", String], seed: ["seed", Number],
};
function fill() {
  for (const [id, [name]] of Object.entries(FIELDS)) if (document.activeElement !== $(id) || $(id).tagName === "SELECT") $(id).value = settings[name];
  const d = settings.data;
  $("data-kind").value = d.kind;
  $("data-kind").querySelector("[value=table]").disabled = d.kind !== "table";
  for (const name of ["n", "noise", "validation"]) $(`data-${name}`).value = d[name];
  $("data-n-out").textContent = d.n;
  $("data-noise-out").textContent = d.noise.toFixed(2);
  $("data-validation-out").textContent = `${Math.round(100 * d.validation)} %`;
  $("data-classes").value = d.classes;
  const made = !["points", "table"].includes(d.kind);
  $("data-n").disabled = !made;
  $("data-noise").disabled = !made || d.kind === "digits";
  $("classes-field").hidden = !["blobs", "spirals", "digits"].includes(d.kind);
  fillLayers();
}
function fillLayers() {
  const box = $("layers"), focused = document.activeElement?.dataset?.field, at = document.activeElement?.closest?.(".layer")?.dataset.at;
  box.replaceChildren(...settings.layers.map((layer, i) => {
    const group = make("div", {className: "layer"}), title = `Layer ${i + 1}`;
    group.dataset.at = i;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    const on = (field, element, read) => {
      element.dataset.field = field;
      element.addEventListener("change", () => { if (!change(next => { next.layers[i][field] = read(element); })) fill(); });
      return element;
    };
    const units = on("units", make("input", {type: "number", min: 1, max: 64, step: 1, value: layer.units}), ({value}) => Number(value));
    const activation = make("select");
    options(activation, CHOICES.activation);
    activation.value = layer.activation;
    on("activation", activation, ({value}) => value);
    const dropout = on("dropout", make("input", {type: "number", min: 0, max: 0.9, step: 0.1, value: layer.dropout}), ({value}) => Number(value));
    const norm = on("batch_norm", make("input", {type: "checkbox", checked: layer.batch_norm}), ({checked: on}) => on);
    const remove = make("button", {type: "button", textContent: "Remove"});
    remove.setAttribute("aria-label", `Remove layer ${i + 1}`);
    remove.dataset.field = "remove";
    remove.addEventListener("click", () => change(next => { next.layers.splice(i, 1); }));
    group.append(make("span", {className: "name", textContent: title}), make("label", {}, "Units", units), make("label", {}, "Activation", activation),
      make("label", {}, "Dropout", dropout), make("label", {className: "tick"}, norm, "Batch norm"), remove);
    return group;
  }));
  $("add-layer").disabled = settings.layers.length >= MOST_LAYERS;
  if (focused) (box.querySelector(`[data-at="${Math.min(at, settings.layers.length - 1)}"] [data-field="${focused}"]`) ?? $("add-layer")).focus();
}
function lesson(preset) {
  $("lesson-text").replaceChildren(...(preset ? [`${preset.said} `, ...(preset.chapter ? [make("a", {href: `../nbs/${preset.chapter}`, textContent: "Its chapter"})] : [])] : []));
}
function usePreset(name) {
  const preset = presets.find(one => one.name === name);
  if (!preset) return false;
  settings = checked(preset.settings);
  fill();
  $("preset").value = name;
  lesson(preset);
  fresh = false;
  history.replaceState(null, "", `#preset=${name}`);
  clearTimeout(timer);
  timer = setTimeout(() => attempt(configure), 0);
  return true;
}
function readAddress() {
  try {
    const given = fromAddress(location.hash);
    if (!given) return false;
    if (given.preset) {
      if (!usePreset(given.preset)) throw new RangeError("The address names a lesson that there is not.");
    } else {
      settings = given.settings;
      fill();
      later(0);
    }
    trouble("");
    return true;
  } catch (error) {
    trouble(`The settings in the address were not taken. ${worded(error)}`);
    return false;
  }
}

// --- tables
async function readTable(text) {
  if (text.length > MOST_TEXT) return void ($("csv-said").textContent = `The table has more than ${MOST_TEXT} characters: take a part of it.`);
  if (!text.trim()) return void ($("csv-said").textContent = "Paste lines with two numbers and a label first.");
  $("csv-said").textContent = "";
  await attempt(async () => {
    const {points, task, names, said} = await call("read_table", {text});
    const rows = Array.isArray(points) ? points : Array.from({length: points.shape[0]}, (_, i) => [...points.data.slice(i * points.shape[1], (i + 1) * points.shape[1])]);
    if (change(next => { next.data = {...next.data, kind: "table", points: rows, task, names}; })) $("csv-said").textContent = said.join(" ");
  }, text => { $("csv-said").textContent = text; });
}
async function readFile(file) {
  if (file.size > MOST_TEXT) return void ($("csv-said").textContent = `The file has more than ${MOST_TEXT} bytes: take a part of it.`);
  const text = await file.text();
  $("csv").value = text.slice(0, 20_000);
  $("table-box").open = true;
  await readTable(text);
}

// --- taking it away
function download(name, type, content) {
  const link = make("a", {href: URL.createObjectURL(new Blob([content], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
async function copy(text, told) {
  try { await navigator.clipboard.writeText(text); $("away-said").textContent = told; }
  catch { $("away-said").textContent = "The browser does not let this page copy; mark the text and copy it yourself."; }
}
const away = action => () => attempt(async () => { if (await ready()) await action(); }, text => { $("away-said").textContent = text; });
async function script() {
  const text = await engine.call("script");
  $("script").textContent = text;
  $("script-box").hidden = false;
  return text;
}
const LONGEST_QUERY = 7000;  // hosts refuse longer addresses
const HERE = {
  "copy-script": away(async () => copy(await script(), "The script is on the clipboard.")),
  "open-notebook": away(async () => {
    const query = new URLSearchParams({kernel: "python", execute: "1", code: await script()}).toString();
    if (query.length > LONGEST_QUERY) $("away-said").textContent = "With its points the script is too long for an address: download the notebook instead, and open it in JupyterLite or on your machine.";
    else if (window.open(`../lite/repl/index.html?${query}`, "_blank")) $("away-said").textContent = "JupyterLite opens in another tab, and runs the script as soon as its Python has started.";
    else $("away-said").textContent = "The browser kept the new tab from opening; allow it for this page, or download the notebook.";
  }),
  "download-notebook": away(async () => { download("playground.ipynb", "application/x-ipynb+json", await engine.call("notebook")); $("away-said").textContent = "The notebook is among your downloads."; }),
  "copy-link": async () => {
    const link = new URL(toAddress(settings), location.href).href;
    if (link.length > 60_000) return void ($("away-said").textContent = "With so many points a link would be too long.");
    history.replaceState(null, "", link);
    await copy(link, "The link is on the clipboard.");
  },
  "save-svg": () => { if (data) { download("playground.svg", "image/svg+xml", planeAsSvg(data, picture)); $("away-said").textContent = "The picture is among your downloads."; } },
  "save-network": away(async () => { download("network.safetensors", "application/octet-stream", await engine.call("save")); $("away-said").textContent = "The network is among your downloads; Network.load reads it."; }),
  "check": () => attempt(async () => {
    if (!await ready()) return;
    if (running) await stop();
    $("check-said").textContent = "Checking.";
    const {rows, passed, said} = await engine.call("check_gradient"), worst = make("table");
    worst.append(make("thead", {}, make("tr", {}, make("th", {scope: "col", textContent: "Parameter"}), make("th", {scope: "col", textContent: "Relative error"}))));
    worst.append(make("tbody", {}, ...rows.map(({name, error}) => make("tr", {}, make("th", {scope: "row", textContent: name}), make("td", {textContent: brief(error)})))));
    $("check-said").replaceChildren(make("p", {textContent: [said].flat().join(" ") || (passed ? "They agree with differences." : "They differ.")}), worst);
  }, text => { $("check-said").textContent = text; }),
  "find-rate": () => attempt(async () => {
    if (!await ready()) return;
    if (running) await stop();
    $("rate-said").textContent = "Trying rates.";
    const {etas, losses, suggestion, said} = await engine.call("find_rate");
    const x = [...(etas.data ?? etas)], y = [...(losses.data ?? losses)].map(value => value ?? NaN), use = make("button", {type: "button", textContent: `Use ${brief(suggestion)}`});
    use.addEventListener("click", () => change(next => { next.eta = Number(suggestion.toPrecision(3)); }));
    $("rate-said").replaceChildren(make("p", {textContent: [said].flat().join(" ")}), ...(suggestion ? [use] : []));
    $("rate-curve").hidden = false;
    rate = () => drawCurve($("rate-curve"), [{x, y}], {title: "loss", x: "learning rate", logX: true, mark: suggestion});
    rate();
  }, text => { $("rate-said").textContent = text; }),
};
let rate = () => {};

async function loadNetwork(file) {
  if (file.size > MOST_FILE) return void ($("away-said").textContent = "The file is larger than two megabytes, which no network of this page is.");
  await attempt(async () => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (!await ready()) return;
    const answer = await call("load", {bytes});
    settings = checked({...answer.settings, data: {...answer.settings.data, points: settings.data.points ?? answer.settings.data.points}});
    fill();
    take(answer);
    fresh = true;
    history.replaceState(null, "", toAddress(settings));
    $("away-said").textContent = "The network is loaded.";
  }, text => { $("away-said").textContent = text; });
}

// --- wiring
function wire() {
  for (const name of ["loss", "optimizer", "schedule", "regularizer", "initializer"]) options($(name), CHOICES[name]);
  for (const [id, action] of Object.entries(HERE)) $(id).addEventListener("click", action);
  for (const [id, [name, read]] of Object.entries(FIELDS)) $(id).addEventListener("change", () => {
    $(id).toggleAttribute("aria-invalid", !change(next => { next[name] = read($(id).value); }));
    if ($(id).hasAttribute("aria-invalid")) $(id).setAttribute("aria-invalid", "true");
  });
  $("data-kind").addEventListener("change", () => change(next => {
    const kind = $("data-kind").value;
    if (kind === "points" && data) next.data = {...next.data, kind, points: data.features.length <= 2 ? pointsNow() : [], task: data.task};
    else next.data = {kind, n: next.data.n, noise: next.data.noise, classes: next.data.classes, validation: next.data.validation};
  }));
  for (const name of ["n", "noise", "validation", "classes"]) $(`data-${name}`).addEventListener("input", () => change(next => { next.data[name] = Number($(`data-${name}`).value); }));
  $("clear-points").addEventListener("click", () => { if (data) redraw([]); });
  $("add-layer").addEventListener("click", () => change(next => { next.layers.push(structuredClone(next.layers.at(-1) ?? USUAL.layers[1])); }));
  $("train").addEventListener("click", train);
  $("step").addEventListener("click", () => advance("step"));
  $("epoch").addEventListener("click", () => advance("epoch"));
  $("reset").addEventListener("click", () => attempt(async () => { await configure(); if (picture) announce("Reset. "); }));
  $("restart").addEventListener("click", restart);
  $("trouble-again").addEventListener("click", restart);
  $("preset").addEventListener("change", () => { if (!usePreset($("preset").value)) lesson(null); });
  $("read-csv").addEventListener("click", () => readTable($("csv").value));
  $("csv-file").addEventListener("change", ({target}) => { if (target.files[0]) readFile(target.files[0]); });
  $("load-network").addEventListener("change", ({target}) => { if (target.files[0]) loadNetwork(target.files[0]); target.value = ""; });
  for (const name of ["dragover", "drop"]) document.querySelector(".data").addEventListener(name, event => {
    event.preventDefault();
    if (name === "drop" && event.dataTransfer.files[0]) readFile(event.dataTransfer.files[0]);
  });

  const plane = $("plane");
  plane.addEventListener("pointermove", event => {
    if (pinned || !data || event.pointerType === "touch" || pen() !== "look") return;
    mark = within(at(event));
    if (!running) paint();
    probe(mark);
  });
  plane.addEventListener("click", event => { if (event.detail) press(at(event)); });
  plane.addEventListener("keydown", event => {
    if (!data) return;
    const [x0, x1, y0, y1] = data.limits, step = event.shiftKey ? 0.1 : 0.02;
    const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (move) {
      mark = within([(mark?.[0] ?? (x0 + x1) / 2) + move[0] * step * (x1 - x0), (mark?.[1] ?? (y0 + y1) / 2) + move[1] * step * (y1 - y0)]);
      paint();
      if (pen() === "look") probe(mark);
    } else if (event.key === "Enter" || event.key === " ") press(mark ?? [(x0 + x1) / 2, (y0 + y1) / 2]);
    else if (event.key === "Escape") { pinned = false; mark = null; paint(); }
    else return;
    event.preventDefault();
  });

  const showTheme = () => $("theme").setAttribute("aria-pressed", String(dark()));
  $("theme").addEventListener("click", () => {
    const mode = document.documentElement.dataset.theme = dark() ? "light" : "dark";
    themeChanged();
    try { localStorage.setItem("mode", mode); localStorage.setItem("theme", mode); } catch { /* it lasts as long as the page */ }
    showTheme();
  });
  showTheme();
  const again = () => {
    themeChanged();
    paint();
    rate();
    if (data) showLegend();
    if (picture) drawing.show(picture);
    drawing.place();
    document.querySelectorAll(".equations .tex").forEach(fit);
  };
  new MutationObserver(again).observe(document.documentElement, {attributeFilter: ["data-theme"]});
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { again(); showTheme(); });
  new ResizeObserver(again).observe(document.querySelector("main"));
  addEventListener("hashchange", readAddress);
}

const json = async name => { const answer = await fetch(name); if (!answer.ok) throw new Error(`${name} is missing.`); return answer.json(); };
async function begin() {
  wire();
  fill();
  const cannot = able();
  if (cannot) { trouble(cannot); $("train").disabled = true; $("size-note").hidden = true; }
  const [config, lessons, still] = await Promise.all([json("config.json"), json("presets.json"), json("still.json")]);
  engine = new Engine(config, onEvent);
  presets = lessons;
  $("preset").append(...presets.map(({name, title}) => make("option", {value: name, textContent: title})));
  settings = checked(still.settings);
  fill();
  data = still.data;
  isStill = true;
  layOut(still);
  showLegend();
  showPicture(still.picture);
  if (!cannot) readAddress();
  document.documentElement.dataset.ready = "true";
}
begin().catch(error => trouble(`The page could not be set up. ${worded(error)}`));

// For the tests, which read numbers rather than pixels.
globalThis.playground = {
  get settings() { return structuredClone(settings); }, get picture() { return picture; }, get data() { return data; },
  get running() { return running; }, get pictures() { return pictures; }, get ended() { return ended; }, get fresh() { return fresh && !timer; }, get engine() { return engine; },
};
