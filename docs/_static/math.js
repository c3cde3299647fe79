// Formulas are in the page as TeX: KaTeX sets them, those in a <div> as display. What is wider than the page scrolls, by keys too.
const formulas = [...document.querySelectorAll(".math")];
for (const formula of formulas) katex.render(formula.textContent, formula, {displayMode: formula.tagName === "DIV", throwOnError: false});
document.fonts.ready.then(() => formulas.filter(formula => formula.scrollWidth > formula.clientWidth).forEach(formula => formula.tabIndex = 0));
