// The worker in which Python runs: it starts when it is first asked, and can be ended in the middle of anything.
// The page makes no script from text but this one, whose address is its own.
const policy = globalThis.trustedTypes?.createPolicy("playground", {createScriptURL: address => address}) ?? {createScriptURL: address => address};

export class Engine {
  #worker = null; #waiting = new Map(); #next = 0; #ready = null; #heard = 0;

  constructor(config, on) { this.config = config; this.on = on; }

  get started() { return this.#ready !== null; }
  get quietFor() { return this.#waiting.size || this.training ? performance.now() - this.#heard : 0; }

  start() {
    this.#ready ??= new Promise((ready, failed) => {
      const address = new URL("worker.js", import.meta.url).href;
      // A worker from a blob has the content-security policy of this page, one from an address would have none.
      const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], {type: "text/javascript"}));
      const worker = this.#worker = new Worker(policy.createScriptURL(blob), {type: "module"});
      const fail = error => { if (worker === this.#worker) { this.end(error); failed(error); } };
      this.#heard = performance.now();
      worker.onerror = event => { event.preventDefault(); fail(new Error(event.message || "The worker did not start.")); };
      worker.onmessage = ({data}) => {
        this.#heard = performance.now();
        if (data.event === "ready") { URL.revokeObjectURL(blob); this.ready = true; this.on(data); return ready(data); }
        if (data.event === "failed" || (data.event === "error" && !this.ready)) return fail(new Error(data.message ?? data.text ?? "Python did not start."));
        if (data.event) return this.on(data);
        const call = this.#waiting.get(data.id);
        if (!call) return;
        this.#waiting.delete(data.id);
        if (data.error) call.failed(Object.assign(new Error(data.error.message), {type: data.error.type}));
        else call.done(data.result);
      };
      const absolute = path => new URL(path, document.baseURI).href;
      worker.postMessage({start: {pyodide: absolute(this.config.pyodide), wheel: absolute(this.config.wheel)}});
    });
    return this.#ready;
  }

  async call(name, given = {}) {
    await this.start();
    return new Promise((done, failed) => {
      const id = this.#next++;
      if (!this.#waiting.size) this.#heard = performance.now();
      this.#waiting.set(id, {done, failed});
      this.#worker.postMessage({id, call: name, arguments: given});
    });
  }

  tell(name) { this.#worker?.postMessage({id: -1, call: name, arguments: {}}); }

  end(error = new Error("Python was stopped.")) {
    this.#worker?.terminate();
    this.#worker = this.#ready = null;
    this.ready = this.training = false;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const {failed} of waiting) failed(Object.assign(error, {ended: true}));
  }
}
