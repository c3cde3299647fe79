// Formulas are in the page as TeX: KaTeX sets them, those in a <div> as display.
for (const formula of document.querySelectorAll(".math"))
  katex.render(formula.textContent, formula, {displayMode: formula.tagName === "DIV", throwOnError: false});
