// Drawings as SVG in the page's own colours. Each takes the width it is to fill, in CSS pixels.
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

// An HTML element. Strings among the children become text, so that no data can become markup.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

const label = (x, y, text, anchor, cls) =>
  svg("text", { x, y, "text-anchor": anchor || "start", class: cls || "" }, text);

const linear = (d0, d1, r0, r1) => (v) => r0 + ((v - d0) / (d1 - d0 || 1)) * (r1 - r0);

// Round steps of 1, 2 or 5 times a power of ten that cut [low, high] into about `count` parts.
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) out.push(i * step);
  return out;
}

function digits(value, significant) {
  if (value === 0) return "0";
  const places = Math.max(0, (significant || 3) - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(places, 12) });
}

function duration(s) {
  if (s < 1e-3) return digits(s * 1e6) + " µs";
  if (s < 1) return digits(s * 1e3) + " ms";
  if (s < 120) return digits(s) + " s";
  const minutes = Math.floor(s / 60);
  if (minutes < 120) return `${minutes} min ${Math.round(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Labels of a time axis all in one unit.
function timeUnit(end) {
  if (end >= 7200) return { unit: "min", per: 60 };
  return { unit: "s", per: 1 };
}

// Calls draw(width) now and whenever the width of the box changes.
function responsive(box, draw) {
  let last = 0;
  const redraw = () => {
    const width = Math.floor(box.clientWidth);
    if (width < 40 || width === last) return;
    last = width;
    box.replaceChildren(...[draw(width)].flat());
  };
  redraw();
  new ResizeObserver(redraw).observe(box);
  return box;
}

// Value and interval on a scale of ± 30 %.
function spread(relative) {
  const width = 150;
  const reach = Math.min(relative / 0.3, 1) * (width / 2 - 6);
  const y = 6;
  return svg("svg", { viewBox: `0 0 ${width} 12`, width, height: 12, role: "img",
      "aria-label": `95 % interval: plus or minus ${digits(relative * 100, 2)} percent` },
    svg("line", { class: "track", x1: 6, x2: width - 6, y1: y, y2: y }),
    svg("line", { class: "spread-bar", x1: width / 2 - reach, x2: width / 2 + reach, y1: y, y2: y }),
    svg("circle", { class: "spread-dot", cx: width / 2, cy: y, r: 4 }));
}

// One bar cut into parts {key, label, joules}.
function splitBar(parts, width) {
  const known = parts.filter((p) => p.joules > 0);
  const total = known.reduce((sum, p) => sum + p.joules, 0);
  const height = 30;
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": known.map((p) => `${p.label} ${digits((p.joules / total) * 100, 2)} %`).join(", ") });
  let x = 0;
  for (const part of known) {
    const w = (part.joules / total) * width;
    node.append(svg("rect", { class: `mark f-${part.key}`, x, y: 0, width: Math.max(w - 1.5, 0.5), height, rx: 3 },
      svg("title", {}, `${part.label}: ${digits((part.joules / total) * 100, 2)} %`)));
    x += w;
  }
  return node;
}

// Bars of a histogram {edges, counts}; lines at the marks {name, value}.
function histogram(data, marks, width) {
  const height = 190;
  const box = { left: 8, right: width - 8, top: 30, bottom: height - 24 };
  let { edges } = data;
  if (edges[0] === edges[edges.length - 1]) edges = [edges[0] * 0.95, edges[0] * 1.05 || 1];
  const first = edges[0];
  const last = edges[edges.length - 1];
  const byRatio = first > 0 && edges.length > 2 &&
    edges[edges.length - 1] - edges[edges.length - 2] > 1.5 * (edges[1] - edges[0]);
  const scale = byRatio ? Math.log : (v) => v;
  const at = linear(scale(first), scale(last), box.left, box.right);
  const x = (v) => at(scale(Math.min(Math.max(v, first), last)));
  const y = linear(0, Math.max(...data.counts), box.bottom, box.top);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `Histogram from ${duration(first)} to ${duration(last)}` });
  data.counts.forEach((count, i) => {
    if (count === 0) return;
    const left = x(edges[i]);
    node.append(svg("rect", { class: "mark bar", x: left + 0.5, y: y(count),
      width: Math.max(x(edges[i + 1]) - left - 1, 1), height: box.bottom - y(count) },
      svg("title", {}, `${duration(edges[i])} to ${duration(edges[i + 1])}: ${count}`)));
  });
  node.append(svg("line", { class: "axis-line", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  marks.forEach((mark, i) => {
    const at = x(mark.value);
    const right = at > width - 90;
    node.append(svg("line", { class: "mark-line", x1: at, x2: at, y1: 14 + i * 14 - 8, y2: box.bottom }),
      label(at + (right ? -5 : 5), 14 + i * 14 - 2, `${mark.name} ${duration(mark.value)}`, right ? "end" : "start", "strong"));
  });
  node.append(label(box.left, height - 6, duration(first)), label(box.right, height - 6, duration(last), "end"));
  if (byRatio) node.append(label(width / 2, height - 6, "logarithmic", "middle"));
  return node;
}

const pathOf = (xs, ys, x, y) =>
  xs.map((t, i) => `${i ? "L" : "M"}${x(t).toFixed(1)} ${y(ys[i]).toFixed(1)}`).join("");

function indexBefore(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Number of requests in flight as steps {t, n}.
function concurrency(requests) {
  const changes = [];
  for (const r of requests) changes.push([r.start, 1], [r.end, -1]);
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let n = 0;
  return changes.map(([t, change]) => ({ t, n: (n += change) }));
}

// Requests into lanes so that none overlap by more than `slack`; null when more than `most` would be needed.
function lanes(requests, most, slack) {
  const free = [];
  for (const r of [...requests].sort((a, b) => a.start - b.start)) {
    let lane = free.findIndex((end) => end <= r.start + slack);
    if (lane < 0) lane = free.push(0) - 1;
    if (lane >= most) return null;
    free[lane] = r.end;
    r.lane = lane;
  }
  return free.length;
}

// Power of every device over the run, with its phases, and the requests below.
function timeline(run, width) {
  const many = run.requests.length > 400;
  const laneCount = many ? null : lanes(run.requests, 16, run.end * 1e-4);
  const lower = run.requests.length === 0 ? 0 : laneCount ? Math.max(laneCount * 11, 22) : 84;
  const box = { left: 46, right: width - 6, top: 24, bottom: 24 + Math.min(280, Math.max(170, width * 0.3)) };
  const lowTop = box.bottom + 34;
  const height = (lower ? lowTop + lower : box.bottom) + 26;
  const end = run.end;
  const x = linear(0, end, box.left, box.right);
  const peak = Math.max(1e-9, ...run.power.map((s) => Math.max(...s.power_w)));
  const yTicks = ticks(0, peak * 1.05, 4);
  const top = Math.max(peak * 1.05, yTicks[yTicks.length - 1]);
  const y = linear(0, top, box.bottom, box.top);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": run.description });
  const lowBottom = lower ? lowTop + lower : box.bottom;
  let labelled = -Infinity;
  for (const phase of run.phases) {
    const from = x(phase.start_s);
    const wide = x(phase.start_s + phase.duration_s) - from;
    node.append(svg("rect", { class: `band ${phase.kind}`, x: from, y: box.top, width: Math.max(wide - 1, 0.5), height: lowBottom - box.top },
      svg("title", {}, `${phase.kind}, ${duration(phase.duration_s)}`)));
    if (from >= labelled && wide > phase.kind.length * 6.4 + 6) {
      node.append(label(from + 3, box.top - 8, phase.kind, "start", phase.kind === "measure" ? "strong" : ""));
      labelled = from + phase.kind.length * 7;
    }
  }
  for (const value of yTicks) {
    node.append(svg("line", { class: "grid-line", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }),
      label(box.left - 7, y(value) + 4, digits(value), "end"));
  }
  node.append(label(box.left - 7, box.top - 8, "W", "end"));
  for (const series of run.power) {
    node.append(svg("path", { class: `mark line s-${series.component}`, d: pathOf(series.t_s, series.power_w, x, y),
      opacity: (series.shade / 100) * (series.t_s.length > width ? 0.6 : 1),
      "stroke-width": series.t_s.length > width ? 0.8 : 1.6, ...(series.dash ? { "stroke-dasharray": series.dash } : {}) }));
  }
  if (lower) node.append(requestLanes(run, laneCount, { ...box, top: lowTop, bottom: lowTop + lower }, x));
  const { unit, per } = timeUnit(end);
  const xTicks = ticks(0, end / per, Math.max(3, Math.floor(width / 110)));
  xTicks.forEach((t, i) => node.append(label(Math.min(x(t * per), width - 12), lowBottom + 17,
    digits(t) + (i === xTicks.length - 1 ? " " + unit : ""), i === 0 ? "start" : "middle")));
  const cross = svg("line", { class: "cross", y1: box.top, y2: lowBottom, visibility: "hidden" });
  node.append(cross);
  return [node, timelineTip(run, node, cross, box, x, width)];
}

function requestLanes(run, laneCount, box, x) {
  const group = svg("g", {});
  if (!laneCount) {
    const steps = thinnedSteps(concurrency(run.requests), 1500);
    const most = Math.max(1, ...steps.map((s) => s.n));
    const y = linear(0, most, box.bottom, box.top);
    let d = `M${x(steps[0].t)} ${box.bottom}`;
    let before = 0;
    for (const s of steps) {
      d += `L${x(s.t).toFixed(1)} ${y(before).toFixed(1)}L${x(s.t).toFixed(1)} ${y(s.n).toFixed(1)}`;
      before = s.n;
    }
    group.append(label(box.left, box.top - 7, `requests in flight, at most ${most}`),
      svg("path", { class: "mark f-decode", opacity: 0.7, d: `${d}Z` }));
    return group;
  }
  group.append(label(box.left, box.top - 7, "requests"));
  const high = (box.bottom - box.top) / laneCount;
  for (const r of run.requests) {
    const top = box.top + r.lane * high;
    const bar = (from, to, cls) => svg("rect", { class: `mark ${cls}`, x: x(from), y: top + 1,
      width: Math.max(x(to) - x(from) - 0.5, 0.8), height: Math.max(high - 2, 2), rx: 1.5 },
      svg("title", {}, `prompt ${r.index}, ${r.status}, ${duration(r.end - r.start)}`));
    if (r.status !== "ok") group.append(bar(r.start, r.end, "f-failed"));
    else if (r.first === null) group.append(bar(r.start, r.end, "f-decode"));
    else group.append(bar(r.start, r.first, "f-prefill"), bar(r.first, r.end, "f-decode"));
  }
  return group;
}

// At most about `most` steps; of those left out the highest of each piece stays.
function thinnedSteps(steps, most) {
  if (steps.length <= most) return steps;
  const size = Math.ceil(steps.length / most);
  const out = [];
  for (let i = 0; i < steps.length; i += size) {
    out.push(steps.slice(i, i + size).reduce((a, b) => (b.n > a.n ? b : a)));
  }
  out.push(steps[steps.length - 1]);
  return out;
}

function timelineTip(run, node, cross, box, x, width) {
  const tip = el("div", { class: "tip", hidden: "" });
  const flight = concurrency(run.requests);
  const times = flight.map((s) => s.t);
  const move = (event) => {
    const at = event.clientX - node.getBoundingClientRect().left;
    if (at < box.left || at > box.right) return leave();
    const t = ((at - box.left) / (box.right - box.left)) * run.end;
    const phase = run.phases.find((p) => t >= p.start_s && t < p.start_s + p.duration_s);
    const i = indexBefore(times, t);
    const rows = run.power.map((s) => {
      const k = indexBefore(s.t_s, t);
      return k < 0 ? null : el("div", {}, `${s.label}: ${digits(s.power_w[k])} W`);
    });
    tip.replaceChildren(...[el("strong", {}, duration(t) + (phase ? `, ${phase.kind}` : "")), ...rows,
      run.requests.length ? el("div", {}, `${i < 0 ? 0 : flight[i].n} in flight`) : null].filter(Boolean));
    tip.hidden = false;
    cross.setAttribute("x1", at);
    cross.setAttribute("x2", at);
    cross.setAttribute("visibility", "visible");
    tip.style.left = at > width / 2 ? "" : `${at + 14}px`;
    tip.style.right = at > width / 2 ? `${width - at + 14}px` : "";
  };
  const leave = () => { tip.hidden = true; cross.setAttribute("visibility", "hidden"); };
  node.addEventListener("pointermove", move);
  node.addEventListener("pointerdown", move);
  node.addEventListener("pointerleave", leave);
  return tip;
}
