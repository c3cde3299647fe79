// Run live notebooks in Pyodide, cell by cell, without a page around them:
// node chapters.mjs PYODIDE WHEEL NOTEBOOK... prints a line of JSON for each of them.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [folder, wheel, ...notebooks] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const python = await loadPyodide({
  indexURL: `${folder}/`, env: { MPLBACKEND: "agg", HOME: "/home" }, stdout: () => {},
});
// what the live notebooks begin with; the rest they load themselves
await python.loadPackage(["numpy", "ipython"], { messageCallback: () => {} });
python.FS.writeFile("/tmp/package.whl", await readFile(wheel));
const run = python.runPython(`
import json, sys, time, traceback
from zipfile import ZipFile
from IPython.core.interactiveshell import InteractiveShell

ZipFile("/tmp/package.whl").extractall("/package")
sys.path.insert(0, "/package")

async def run(text):
    "The error of the first cell that fails, or None, and the seconds that all took."
    InteractiveShell.clear_instance()
    shell, start, error = InteractiveShell.instance(), time.time(), None
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] != "code": continue
        source = "".join(cell["source"])
        result = await shell.run_cell_async(
            source, transformed_cell=shell.transform_cell(source)
        )
        raised = result.error_in_exec or result.error_before_exec
        if raised is not None:
            error = "".join(traceback.format_exception(raised)[-3:])
            break
    if "matplotlib.pyplot" in sys.modules: sys.modules["matplotlib.pyplot"].close("all")
    return json.dumps({"error": error, "seconds": time.time() - start})
run
`);
for (const path of notebooks) {
  const result = JSON.parse(await run(await readFile(path, "utf8")));
  console.log(JSON.stringify({ path, ...result }));
}
