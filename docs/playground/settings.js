// What a network and its data are made of, as the address encodes it and as the worker takes it. Everything that comes from
// outside passes `checked`, which keeps known names and numbers within bounds, and refuses the rest with a sentence.
export const CHOICES = {
  kind: ["moons", "circles", "spirals", "xor", "blobs", "curve", "digits", "points", "table"],
  task: ["classes", "number"],
  activation: ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu"],
  loss: ["auto", "mean_squared_error", "mean_absolute_error", "huber", "binary_cross_entropy", "categorical_cross_entropy"],
  optimizer: ["gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"],
  schedule: ["constant", "step", "exponential", "cosine", "warm_up", "one_cycle"],
  regularizer: ["none", "l1", "l2", "elastic_net"],
  initializer: ["auto", "he", "xavier", "uniform", "equal"],
};
export const MOST_POINTS = 2000, MOST_LAYERS = 6, MOST_TEXT = 200_000, MOST_ADDRESS = 60_000, MOST_FILE = 2_000_000;
const SPOKEN = {
  relu: "ReLU", leaky_relu: "leaky ReLU", elu: "ELU", silu: "SiLU", gelu: "GELU", l1: "L1", l2: "L2", he: "He", xavier: "Xavier",
  equal: "all equal", adam: "Adam", adamw: "AdamW", adagrad: "AdaGrad", rmsprop: "RMSProp", nesterov: "Nesterov", huber: "Huber",
  auto: "as usual", warm_up: "warm-up", one_cycle: "one cycle",
};
export const spoken = name => SPOKEN[name] ?? name.replaceAll("_", " ");

export const USUAL = {
  data: {kind: "moons", n: 300, noise: 0.2, classes: 2, validation: 0.3},
  layers: [{units: 8, activation: "tanh", dropout: 0, batch_norm: false}, {units: 4, activation: "tanh", dropout: 0, batch_norm: false}],
  loss: "auto", optimizer: "adam", eta: 0.02, schedule: "constant", regularizer: "none", strength: 0, batch_size: 32,
  initializer: "auto", epochs: 200, seed: 0,
};

const own = (object, name) => Object.hasOwn(object, name) ? object[name] : undefined;
function number(value, name, low, high, whole = false) {
  const given = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof given !== "number" || !Number.isFinite(given) || given < low || given > high || (whole && !Number.isInteger(given)))
    throw new RangeError(`The ${name} is a ${whole ? "whole " : ""}number from ${low} to ${high}.`);
  return given;
}
function choice(value, name) {
  if (!CHOICES[name].includes(value)) throw new RangeError(`The ${name} is one of ${CHOICES[name].map(spoken).join(", ")}.`);
  return value;
}

function checkedPoints(points, task) {
  if (!Array.isArray(points) || points.length > MOST_POINTS) throw new RangeError(`There are at most ${MOST_POINTS} points.`);
  return points.map(point => {
    if (!Array.isArray(point) || point.length < 2 || point.length > 3) throw new RangeError("A point is two features and a label, or x and y.");
    const [...values] = point.map(value => number(value, "coordinate of a point", -1e9, 1e9));
    if (task === "classes") number(values[2], "label of a point", 0, 9, true);
    return values;
  });
}

export function checked(given) {
  // A copy with nothing but what is known; throws RangeError with a sentence for the reader.
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new RangeError("Settings are names with values.");
  const all = Object.assign(structuredClone(USUAL), Object.fromEntries(Object.keys(USUAL).filter(name => own(given, name) !== undefined).map(name => [name, given[name]])));
  const d = all.data;
  if (typeof d !== "object" || d === null) throw new RangeError("The data are described by names with values.");
  const data = {
    kind: choice(own(d, "kind") ?? "moons", "kind"),
    n: number(own(d, "n") ?? 300, "number of points", 10, MOST_POINTS, true),
    noise: number(own(d, "noise") ?? 0.2, "noise", 0, 0.5),
    classes: number(own(d, "classes") ?? 2, "number of classes", 2, 4, true),
    validation: number(own(d, "validation") ?? 0.3, "share for validation", 0, 0.5),
  };
  if (["points", "table", "digits"].includes(data.kind)) {
    data.task = choice(own(d, "task") ?? "classes", "task");
    data.points = checkedPoints(own(d, "points") ?? [], data.task);
    const names = own(d, "names");
    if (names !== undefined) {
      if (!Array.isArray(names) || names.length > 16 || names.some(name => typeof name !== "string")) throw new RangeError("The names of a table are texts.");
      data.names = names.map(name => name.slice(0, 60));
    }
  }
  if (!Array.isArray(all.layers) || all.layers.length > MOST_LAYERS) throw new RangeError(`There are at most ${MOST_LAYERS} layers.`);
  const layers = all.layers.map(layer => {
    if (typeof layer !== "object" || layer === null) throw new RangeError("A layer is described by names with values.");
    return {
      units: number(own(layer, "units") ?? 4, "number of units", 1, 64, true), activation: choice(own(layer, "activation") ?? "tanh", "activation"),
      dropout: number(own(layer, "dropout") ?? 0, "dropout", 0, 0.9), batch_norm: own(layer, "batch_norm") === true,
    };
  });
  return {
    data, layers, loss: choice(all.loss, "loss"), optimizer: choice(all.optimizer, "optimizer"),
    eta: number(all.eta, "learning rate", 1e-6, 1000), schedule: choice(all.schedule, "schedule"),
    regularizer: choice(all.regularizer, "regularizer"), strength: number(all.strength, "strength", 0, 10),
    batch_size: all.batch_size === "all" ? "all" : number(all.batch_size, "batch size", 1, MOST_POINTS, true),
    initializer: choice(all.initializer, "initializer"), epochs: number(all.epochs, "number of epochs", 1, 2000, true),
    seed: number(all.seed, "seed", 0, 4294967295, true),
  };
}

const short = value => String(Math.round(value * 1e4) / 1e4);
const PLAIN = ["loss", "optimizer", "eta", "schedule", "regularizer", "strength", "batch_size", "initializer", "epochs", "seed"];
const OF_DATA = ["kind", "n", "noise", "classes", "validation"];

export function toAddress(settings) {
  // "#data=moons&n=300&layers=8-tanh,4-relu-0.2-norm&eta=0.02", all of it, so that a link outlives a change of what is usual.
  const fields = new URLSearchParams();
  for (const name of OF_DATA) fields.set(name === "kind" ? "data" : name, settings.data[name]);
  if (settings.data.points && settings.data.kind !== "digits") {
    fields.set("task", settings.data.task);
    fields.set("points", settings.data.points.map(point => point.map(short).join("_")).join("~"));
    if (settings.data.names) fields.set("names", JSON.stringify(settings.data.names));
  }
  fields.set("layers", settings.layers.map(({units, activation, dropout, batch_norm}) =>
    [units, activation, ...(dropout ? [dropout] : []), ...(batch_norm ? ["norm"] : [])].join("-")).join(","));
  for (const name of PLAIN) fields.set(name, settings[name]);
  return `#${fields}`;
}

export function fromAddress(hash) {
  // {preset} or {settings}, or null for an address without any; throws RangeError.
  const text = hash.replace(/^#/, "");
  if (!text || !text.includes("=")) return null;
  if (text.length > MOST_ADDRESS) throw new RangeError("The address is too long.");
  const fields = new URLSearchParams(text), given = {}, data = {};
  for (const name of fields.keys())
    if (!["preset", "data", "task", "points", "names", "layers", ...OF_DATA.slice(1), ...PLAIN].includes(name))
      throw new RangeError(`The address has a part ${JSON.stringify(name.slice(0, 30))}, which means nothing here.`);
  if (fields.has("preset")) {
    if (!/^[a-z-]{1,40}$/.test(fields.get("preset"))) throw new RangeError("The address names a lesson that there is not.");
    return {preset: fields.get("preset")};
  }
  for (const name of OF_DATA) {
    const value = fields.get(name === "kind" ? "data" : name);
    if (value !== null) data[name] = name === "kind" ? value : number(value, name, 0, MOST_POINTS);
  }
  for (const name of PLAIN) {
    const value = fields.get(name);
    if (value !== null) given[name] = ["eta", "strength", "epochs", "seed"].includes(name) || (name === "batch_size" && value !== "all") ? number(value, spoken(name), 0, 4294967295) : value;
  }
  if (fields.has("task")) data.task = fields.get("task");
  if (fields.has("points")) data.points = fields.get("points") ? fields.get("points").split("~").map(point => point.split("_").map(value => number(value, "coordinate of a point", -1e9, 1e9))) : [];
  if (fields.has("names")) {
    try { data.names = JSON.parse(fields.get("names")); } catch { throw new RangeError("The names in the address cannot be read."); }
  }
  if (fields.has("layers")) given.layers = fields.get("layers").split(",").filter(Boolean).map(layer => {
    const [units, activation, ...rest] = layer.split("-");
    const numbers = rest.filter(part => part !== "norm");
    if (numbers.length > 1) throw new RangeError("A layer in the address is units, an activation, a dropout, and norm.");
    return {units: number(units, "number of units", 1, 64, true), activation, dropout: numbers.length ? number(numbers[0], "dropout", 0, 0.9) : 0, batch_norm: rest.includes("norm")};
  });
  return {settings: checked({...given, data})};
}
