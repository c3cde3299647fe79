// Before anything is drawn: the colours that the reader chose on the book's pages, which store them under these names.
{
  let mode = "auto";
  try { mode = localStorage.getItem("mode") || "auto"; } catch { /* storage is refused: the system's colours */ }
  document.documentElement.dataset.theme = ["light", "dark"].includes(mode) ? mode : "auto";
}
