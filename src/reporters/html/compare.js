// The page of several runs (`d` is made by comparison_page), and which page this is.

// Runs that no other beats in both: less energy, and less (or more) of the second measure.
function front(points, moreIsBetter) {
  const better = (a, b) => (moreIsBetter ? a >= b : a <= b);
  return points.filter((p) => !points.some((q) => q !== p && q.x <= p.x && better(q.y, p.y) && (q.x < p.x || q.y !== p.y)))
    .sort((a, b) => a.x - b.x);
}

// Energy with its interval on one axis, `points` {letter, x, spread, y} drawn with their letters.
function scatter(points, { moreIsBetter, unit, label: yLabel, text }, width) {
  const height = Math.min(360, Math.max(240, width * 0.7));
  const box = { left: 52, right: width - 18, top: 26, bottom: height - 42 };
  const reach = (values) => {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const pad = (high - low || high || 1) * 0.12;
    return [Math.max(0, low - pad), high + pad];
  };
  const [x0, x1] = reach(points.flatMap((p) => [p.x - p.spread, p.x + p.spread]));
  const [y0, y1] = reach(points.map((p) => p.y));
  const x = linear(x0, x1, box.left, box.right);
  const y = linear(y0, y1, box.bottom, box.top);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${yLabel} against energy of ${points.length} runs` });
  for (const value of ticks(y0, y1, 4)) {
    node.append(svg("line", { class: "grid-line", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }),
      label(box.left - 7, y(value) + 4, digits(value), "end"));
  }
  for (const value of ticks(x0, x1, Math.max(2, Math.floor(width / 120)))) node.append(label(x(value), box.bottom + 17, digits(value), "middle"));
  node.append(svg("line", { class: "axis-line", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    label((box.left + box.right) / 2, height - 6, "J per output token", "middle"), label(4, 13, `${yLabel}, ${unit}`));
  const best = front(points, moreIsBetter);
  node.append(svg("path", { class: "front", d: pathOf(best.map((p) => p.x), best.map((p) => p.y), x, y) }));
  for (const p of points) {
    node.append(svg("line", { class: "s-run", "stroke-width": 2, opacity: 0.45, x1: x(p.x - p.spread), x2: x(p.x + p.spread), y1: y(p.y), y2: y(p.y) }),
      svg("circle", { class: "mark f-run", cx: x(p.x), cy: y(p.y), r: best.includes(p) ? 6 : 4, opacity: best.includes(p) ? 1 : 0.6 },
        svg("title", {}, `${p.letter}: ${text(p)}`)),
      label(x(p.x) + 9, y(p.y) - 8, p.letter, "start", "strong"));
  }
  return node;
}

function paretoSection(d) {
  const later = [];
  const panel = (title, note, key, options) => {
    const points = d.runs.filter((r) => r.energy.value !== null && r[key] !== null)
      .map((r) => ({ letter: r.letter, x: r.energy.value, spread: r.energy.uncertainty, y: r[key] }));
    const plot = el("div", { class: "plot" });
    if (points.length) later.push(() => responsive(plot, (width) => scatter(points, options, width)));
    return el("div", { class: "panel" }, el("h3", {}, title), el("p", { class: "note" }, note),
      points.length ? plot : el("p", { class: "empty" }, "No run knows both its energy and this."));
  };
  const energy = (p) => `${digits(p.x)} J per token`;
  return [section("pareto", "Trade-offs", "the dashed line joins the runs that no other beats in both; bars are 95 % intervals", el("div", { class: "grid2" },
    panel("Energy and latency", "better: to the left and down", "latency_s",
      { unit: "s", label: "median latency", text: (p) => `${energy(p)}, ${duration(p.y)}` }),
    panel("Energy and throughput", "better: to the left and up", "tokens_per_s",
      { moreIsBetter: true, unit: "tokens/s", label: "throughput", text: (p) => `${energy(p)}, ${digits(p.y)} tokens/s` }))),
    () => later.forEach((draw) => draw())];
}

const LARGER = "larger than its uncertainty";
const VERDICTS = { [LARGER]: "real", "not distinguishable": "not distinguishable", unknown: "uncertainty unknown" };

// A difference of estimates is never called real.
function verdictText(cell) {
  return cell.verdict === LARGER && cell.source !== "measured" ? LARGER : VERDICTS[cell.verdict];
}

function compareCell(cell, letter) {
  if (letter === "A" || cell.change === null) return el("td", { title: cell.reason || "" }, cell.text);
  return el("td", {}, cell.text, cell.difference === null ? null : el("div", {}, `${letter} − A: ${cell.difference}`),
    el("div", { class: cell.verdict === LARGER ? "yes" : "no" },
      `${cell.change < 0 ? "−" : "+"}${Math.abs(cell.change * 100).toFixed(1)} %, ${verdictText(cell)}`));
}

function sensorsText(same) {
  if (same === null) return "";
  return same ? "measured by the same sensors: what they are off by cancels largely" : "measured by different sensors: their errors count in full";
}

function comparePage(d) {
  const [pareto, draw] = paretoSection(d);
  const table = el("div", { class: "panel scroll" }, el("table", { class: "compare" },
    el("thead", {}, el("tr", {}, el("th", {}, ""), d.runs.map((r) => el("th", {}, `${r.letter}  ${r.name}`)))),
    el("tbody", {}, d.rows.map((row) => el("tr", {}, el("td", {}, row.label), row.cells.map((cell, i) => compareCell(cell, d.runs[i].letter)))))));
  const runs = el("dl", { class: "pairs" }, d.runs.map((r) => [el("dt", {}, r.letter),
    el("dd", {}, `${r.name}, ${r.model}, ${r.backend}, ${r.prompts.toLocaleString("en-US")} prompts answered, ${r.started.replace("T", " ")}`)]));
  document.getElementById("page").replaceChildren(...[
    el("header", {}, el("p", { class: "overline" }, "Comparison"), el("h1", {}, d.runs.length === 2 ? d.runs.map((r) => r.name).join(" and ") : `${d.runs.length} runs`)),
    d.sentences.map((s) => el("p", { class: "lead" }, s)), notices(d.notes),
    section("runs", "Runs", sensorsText(d.same_sensors), runs),
    section("numbers", "Side by side", `${d.pairs ? `means of ${d.pairs}; ` : ""}changes are against A; real: larger than its 95 % uncertainty`, table), pareto,
    el("footer", {}, "This page is one file and asks nothing of the network.")].flat().filter(Boolean));
  draw();
}

const pages = { run: runPage, compare: comparePage };
pages[document.body.dataset.kind](JSON.parse(document.getElementById("data").textContent));
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
