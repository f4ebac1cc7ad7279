// Entry: which page, and everything unfolded on paper.
const pages = { run: runPage };
pages[document.body.dataset.kind](JSON.parse(document.getElementById("data").textContent));
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
