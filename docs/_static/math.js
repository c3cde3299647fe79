// Formulas are in the page as TeX: KaTeX sets them, those in a <div> as display. One that is wider than the page is set line by line: what
// stands in the columns at its right goes below, and lines break where they may. What is too wide still scrolls, by keys too.
const formulas = [...document.querySelectorAll(".math")];
const set = (element, tex, displayMode) => katex.render(tex, element, {displayMode, throwOnError: false});

// One level down into braces, brackets that grow and environments, or up again
const deeper = token => ["{", "\\left", "\\begin"].includes(token) - ["}", "\\right", "\\end"].includes(token);

// Split TeX where a pattern, tried at each place, matches outside of all these
function split(tex, pattern) {
  const parts = [""];
  for (let i = 0, depth = 0; i < tex.length;) {
    const rest = tex.slice(i), mark = depth === 0 && rest.match(pattern);
    if (mark) { parts.push(""); i += mark[0].length; continue; }
    const [token] = rest.match(/^\\[a-zA-Z]+|^\\?[^]/);
    depth += deeper(token);
    parts[parts.length - 1] += token;
    i += token.length;
  }
  return parts;
}

// Mathematics and, outside of all these, words; those of an index belong to it
function pieces(tex) {
  const parts = [""];
  for (let i = 0, depth = 0; i < tex.length;) {
    const rest = tex.slice(i), free = depth === 0 && !/[_^]\s*$/.test(parts[parts.length - 1]);
    const words = free && rest.match(/^\\text\{(?:[^{}]|\{[^{}]*\})*\}/);
    const [token] = words || rest.match(/^\\[a-zA-Z]+|^\\?[^]/);
    depth += deeper(token);
    if (words) parts.push(token, "");
    else parts[parts.length - 1] += token;
    i += token.length;
  }
  return parts;
}

// Mathematics and words, each in an element of its own, so that lines can break in words too
function line(tex, name) {
  const row = document.createElement("div");
  row.className = name;
  pieces(tex).forEach((part, k, parts) => {
    const words = part.match(/^\\text\{([^]*)\}$/);
    // {} keeps the space between words and an operator or a relation
    const formula = part.trim() && `$${k ? "{}" : ""}${part}${k < parts.length - 1 ? "{}" : ""}$`;
    (words ? words[1] : formula).split("$").forEach((piece, i) => {
      if (i % 2 === 0) return row.append(piece.replace(/\\[ ,;]|~/g, " "));
      if (piece.trim()) set(row.appendChild(document.createElement("span")), `\\displaystyle ${piece}`, false);
    });
  });
  return row;
}

function narrow(formula, tex) {
  const whole = tex.trim().match(/^\\begin\{aligned\}([^]*)\\end\{aligned\}$/);
  formula.replaceChildren();
  for (const row of split(whole ? whole[1] : tex, /^\\\\(?:\[[^\]]*\])?/)) {
    const cells = split(row, /^&/);
    for (let i = 0; i < cells.length; i += 2) {
      const [left, right = ""] = cells.slice(i, i + 2);
      const name = i === 0 ? (left.trim() ? "line" : "line more") : left.trim() ? "line" : "line note";
      if ((left + right).trim()) for (const part of split(left + right, /^\\qquad/)) formula.append(line(part, name));
    }
  }
}

function fit() {
  for (const formula of formulas.filter(formula => formula.tagName === "DIV")) {
    formula.style.fontSize = "";
    if (formula.classList.contains("narrow")) {
      formula.classList.remove("narrow");
      set(formula, formula.dataset.tex, true);
    }
    if (formula.scrollWidth <= formula.clientWidth) continue;
    formula.classList.add("narrow");
    narrow(formula, formula.dataset.tex);
    if (formula.querySelector(".katex-error")) {
      formula.classList.remove("narrow");
      set(formula, formula.dataset.tex, true);
    }
    // a little wider still: a little smaller; parts that stood below one another may then stand side by side, so it is tried again
    let size = 1;
    while (size > .75 && formula.scrollWidth > formula.clientWidth) {
      size *= .98 * formula.clientWidth / formula.scrollWidth;
      formula.style.fontSize = size > .75 ? `${size}em` : "";
    }
  }
  for (const formula of formulas) {
    if (formula.scrollWidth > formula.clientWidth && formula.tagName === "DIV") formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
}

for (const formula of formulas) set(formula, formula.dataset.tex = formula.textContent, formula.tagName === "DIV");
document.fonts.ready.then(fit);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; fit(); } });
