/* The worker of the playground: Python with NumPy and this book's package, behind messages.

   First message:   {start: {pyodide: address of pyodide.mjs, wheel: address of our wheel}}
   Page to worker:  {id, call: name, arguments: {...}}
   Worker to page:  {id, result}, or {id, error: {type, message}}, and of its own accord
     {event: "progress", text, done}     while starting, done from 0 to 1
     {event: "ready", versions}          or {event: "failed", message}
     {event: "picture", picture}         while training, at the end of an epoch
     {event: "stopped", reason, message} "paused", "finished", "diverged" (with a message)
   Arrays of NumPy arrive as {shape, data: Float32Array or Int32Array}, transferred; numbers that are not finite as null.

   Calls, each answered as nn_from_scratch.playground says it:
     configure {settings}   read_table {text}   picture {}   step {}   epoch {}   reset {}   probe {x, target}
     check_gradient {}   find_rate {}   script {}   notebook {}   presets {}   save {} (a Uint8Array)   load {bytes}
     train {}    goes on to the last epoch of the settings; answered at once, then pictures and "stopped"
     pause {}    answered at once; "stopped" follows if it was training
     seen {}     the page has drawn the last picture; not answered
   step and epoch answer a picture, reset and load answer as configure. Grids and units have the lowest row first.

   A picture is sent at the end of an epoch if the one before has been seen; training does not wait for it. Between slices of
   40 ms the worker looks at its messages. A call that changes the network ends training without "stopped". */
const CALLS = new Set(["configure", "read_table", "picture", "step", "epoch", "reset", "probe", "check_gradient", "find_rate",
  "script", "notebook", "presets", "save", "load"]);
const CHANGES = new Set(["configure", "reset", "load", "step", "epoch"]);
const SLICE = 0.04;  // seconds
const BRIDGE = `
import json
import math
import numpy as np
from nn_from_scratch import playground as module

play = module.Playground()

def told(value, arrays):
    "A value as JSON has it, and its arrays apart."
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = np.frombuffer(value, np.uint8)
    if isinstance(value, np.ndarray):
        kind = np.uint8 if value.dtype == np.uint8 else (
            np.int32 if value.dtype.kind in "iub" else np.float32)
        with np.errstate(over="ignore"):
            arrays.append(np.ascontiguousarray(value, kind).ravel())
        return {"array": len(arrays) - 1, "shape": list(value.shape)}
    if isinstance(value, dict):
        return {key: told(part, arrays) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(part, arrays) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

def answer(name, text, data=None):
    given = json.loads(text)
    arrays = []
    try:
        if name == "load":
            given = {"data": data.to_bytes()}
        function = module.presets if name == "presets" else getattr(play, name)
        result = told(function(**given), arrays)
    except Exception as error:
        arrays, result = [], {"failed": type(error).__name__, "message": str(error)}
    return json.dumps(result, allow_nan=False), arrays

def advance(seconds):
    try:
        ended = play.advance(seconds)
    except ArithmeticError as error:
        return "diverged", str(error)
    return ("finished" if play.finished() else "epoch" if ended else "step"), ""

def versions():
    import sys
    import nn_from_scratch
    return json.dumps({"python": sys.version.split()[0], "numpy": np.__version__,
                       "nn_from_scratch": nn_from_scratch.__version__})
`;

let python = null, training = false, seen = true;
const pauses = new MessageChannel();
pauses.port1.onmessage = () => go();

const progress = (text, done) => postMessage({event: "progress", text, done});

async function start({pyodide, wheel}) {
  try {
    progress("Loading Python.", 0.05);
    const {loadPyodide} = await import(pyodide);
    const run = await loadPyodide({indexURL: new URL(".", pyodide).href});
    progress("Loading NumPy.", 0.5);
    await run.loadPackage("numpy", {messageCallback() {}, errorCallback() {}});
    progress("Loading the library.", 0.8);
    await run.loadPackage(wheel, {messageCallback() {}, errorCallback() {}});
    progress("Starting the library.", 0.9);
    await run.runPythonAsync(BRIDGE);
    python = Object.fromEntries(["answer", "advance", "versions"].map(name => [name, run.globals.get(name)]));
    progress("Ready.", 1);
    postMessage({event: "ready", versions: JSON.parse(python.versions())});
  } catch (error) {
    postMessage({event: "failed", message: String(error.message ?? error)});
  }
}

function ask(name, given) {
  // The result of a call and what is to be transferred with it; throws {type, message}.
  const {bytes, ...rest} = given ?? {}, buffers = [];
  const pair = python.answer(name, JSON.stringify(rest), bytes), text = pair.get(0), list = pair.get(1);
  const arrays = Array.from({length: list.length}, (_, i) => {
    const proxy = list.get(i), view = proxy.getBuffer(), data = view.data.slice();
    view.release();
    proxy.destroy();
    buffers.push(data.buffer);
    return data;
  });
  list.destroy();
  pair.destroy();
  const result = JSON.parse(text, (_, value) =>
    value && typeof value === "object" && Object.hasOwn(value, "array") && Object.hasOwn(value, "shape")
      ? arrays[value.array] instanceof Uint8Array ? arrays[value.array] : {shape: value.shape, data: arrays[value.array]} : value);
  if (result && Object.hasOwn(result, "failed")) throw {type: result.failed, message: result.message};
  return {result, buffers};
}

function go() {
  if (!training) return;
  let reason, message;
  try {
    const pair = python.advance(SLICE);
    [reason, message] = pair.toJs();
    pair.destroy();
    if (reason === "finished" || (reason === "epoch" && seen)) {
      const {result, buffers} = ask("picture");
      seen = false;
      postMessage({event: "picture", picture: result}, buffers);
    }
  } catch (error) {
    [reason, message] = ["diverged", String(error.message ?? error)];
  }
  if (reason === "finished" || reason === "diverged") {
    training = false;
    postMessage({event: "stopped", reason, message});
  } else pauses.port2.postMessage(null);
}

onmessage = ({data}) => {
  if (data.start) return void start(data.start);
  const {id, call: name, arguments: given} = data;
  if (name === "seen") return void (seen = true);
  if (!python) return postMessage({id, error: {type: "RuntimeError", message: "Python has not started yet."}});
  if (name === "train") {
    postMessage({id, result: {}});
    if (training) return;
    training = seen = true;
    return go();
  }
  if (name === "pause") {
    postMessage({id, result: {}});
    if (training) postMessage({event: "stopped", reason: "paused"});
    training = false;
    return;
  }
  if (!CALLS.has(name)) return postMessage({id, error: {type: "ValueError", message: `There is no call ${JSON.stringify(name)}.`}});
  if (CHANGES.has(name)) training = false;
  try {
    const {result, buffers} = ask(name, given);
    postMessage({id, result}, buffers);
  } catch (error) {
    postMessage({id, error: {type: error.type ?? "Error", message: String(error.message ?? error)}});
  }
};
