// The code cells of a live notebook from first to last, in Pyodide, without a page:
// node chapter.mjs PYODIDE WHEEL NOTEBOOK
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, wheel, path] = process.argv.slice(2).map((name) => resolve(name));
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: folder, stdout: () => {} });
const notebook = JSON.parse(readFileSync(path, "utf8"));
const { packages } = notebook.metadata.nn_from_scratch;
await pyodide.loadPackage(["numpy", "ipython", ...packages], { messageCallback: () => {} });
pyodide.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel");
const cells = notebook.cells.filter((cell) => cell.cell_type === "code");
pyodide.runPython(`
import os
from IPython.core.interactiveshell import InteractiveShell
os.environ["MPLBACKEND"] = "agg"
shell = InteractiveShell.instance(colors="nocolor")
`);
const run = pyodide.runPython(`
def run(source):
    done = shell.run_cell(source)
    error = done.error_before_exec or done.error_in_exec
    return error and f"{type(error).__name__}: {error}"
run
`);
for (const [number, { source }] of cells.entries()) {
  const text = [source].flat().join("");
  if (text.startsWith("import pyodide_js")) continue; // loaded above
  const error = run(text);
  if (error) {
    console.error(`cell ${number + 1} of ${cells.length}\n${text}\n${error}`);
    process.exit(1);
  }
}
console.log(`${cells.length} cells`);
process.exit(0);
