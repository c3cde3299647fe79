// In JupyterLite: says that Python starts and for how long, and what to do if it cannot.
const pyodide = document.currentScript.dataset.pyodide;
const line = document.createElement("div");
line.id = "python-start";
line.setAttribute("role", "status");
line.style.cssText = "position: fixed; bottom: 0; left: 0; right: 0; z-index: 10000;"
  + "padding: .6em 1em; font: 14px/1.5 sans-serif; color: #fff; background: #1c3d5a;";
const pause = (time) => new Promise((done) => setTimeout(done, time));

async function kernel() {
  // the notebook's or the prompt's, once there is one
  for (;;) {
    const sessions = window.jupyterapp?.serviceManager?.sessions;
    const [model] = sessions ? [...sessions.running()] : [];
    if (model) return sessions.connectTo({ model }).kernel;
    await pause(200);
  }
}

async function start() {
  document.body.append(line);
  const began = Date.now();
  const say = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    line.textContent = `Python starts in this browser: ${seconds} s. The first time it `
      + "loads 30 to 60 MB, which takes up to a minute; later it is faster.";
  };
  say();
  const clock = setInterval(say, 1000);
  try {
    const found = await fetch(`${pyodide}pyodide-lock.json`);
    if (!found.ok) throw new Error(found.status);
  } catch {
    clearInterval(clock);
    line.textContent = "Python cannot start: its files could not be loaded from "
      + `${new URL(pyodide, location).host}. Check the connection, or whether something `
      + "blocks this address, and load this page again. Without it, the chapter can be "
      + "read on the site, and run on your own machine with `make lab`.";
    return;
  }
  // answered when Python is there; what was asked before has been done by then
  await (await kernel()).requestExecute({ code: "", silent: true }).done;
  clearInterval(clock);
  line.remove();
  document.documentElement.dataset.python = "ready";
}

start();
