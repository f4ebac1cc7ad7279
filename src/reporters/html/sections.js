// The page of one run, section by section. `d` is the document made by html_data.cpp.
const section = (id, title, note, ...children) =>
  el("section", { id }, el("header", {}, el("h2", {}, title), note ? el("p", { class: "note" }, note) : null), children);

const folded = (title, note, ...children) =>
  el("details", {}, el("summary", {}, title, note ? el("span", { class: "note" }, note) : null),
    el("div", { class: "body" }, children));

// {value, uncertainty, unit} or the reason why there is none.
const amount = (q) => !("value" in q) ? `unknown: ${q.reason}`
  : q.value + (q.uncertainty ? ` ± ${q.uncertainty}` : "") + (q.unit ? ` ${q.unit}` : "");

function masthead(d) {
  const backend = d.engine && d.engine !== d.backend ? `${d.backend} (${d.engine})` : d.backend;
  const names = d.gpus.map((g) => g.name);
  const gpus = [...new Set(names)].map((name) => {
    const n = names.filter((other) => other === name).length;
    return n > 1 ? `${n} × ${name}` : name;
  }).join(", ");
  const facts = [d.model, backend, gpus || d.environment.cpu_model, d.started.replace("T", " ")];
  return el("header", {}, el("p", { class: "overline" }, "Energy report"), el("h1", {}, d.name),
    el("p", { class: "facts" }, facts.filter(Boolean).map((fact) => el("span", {}, fact))),
    el("p", { class: "lead" }, d.lead), d.confidence ? el("p", { class: "confidence" }, d.confidence, " The bars below show it on a scale of ± 30 %.") : null);
}

function notices(warnings) {
  if (warnings.length === 0) return null;
  return el("aside", { class: "notices", "aria-label": "Warnings" },
    el("h2", {}, "Before you use these numbers"), el("ul", {}, warnings.map((w) => el("li", {}, w))));
}

function card(c) {
  const known = "value" in c;
  return el("div", { class: "card", "data-key": c.key }, el("p", { class: "label" }, c.label),
    known ? el("p", { class: "value" }, c.value, c.unit ? el("small", {}, c.unit) : null)
      : el("p", { class: "absent" }, `Unknown: ${c.reason}`),
    c.uncertainty ? el("p", { class: "spread" }, `± ${c.uncertainty}`,
      c.relative ? ` (${digits(c.relative * 100, 2)} %)` : "") : null,
    c.relative ? spread(c.relative) : null,
    known ? el("p", { class: "note" }, c.note + (c.source === "estimated" ? "; estimated" : "")) : null);
}

// What the timeline needs, from the columns of the prompts.
function timelineData(d) {
  const p = d.prompts;
  const requests = [];
  for (let i = 0; i < p.index.length; ++i) {
    if (p.start[i] === null) continue;
    const start = p.start[i];
    requests.push({ index: p.index[i], status: p.status[i], start, end: start + (p.latency[i] ?? 0),
      first: p.ttft[i] === null ? null : start + p.ttft[i] });
  }
  const dashes = ["", "6 3", "2 3", "9 3 2 3"];
  const shades = [100, 68, 45];
  const power = d.power.map((s) => ({ ...s, dash: dashes[s.index % dashes.length],
    shade: shades[Math.floor(s.index / dashes.length) % shades.length], label: `${s.component} ${s.index} (${s.domain.split("/")[0]})` }));
  const ends = [...d.phases.map((f) => f.start_s + f.duration_s), ...requests.map((r) => r.end), ...power.map((s) => s.t_s[s.t_s.length - 1])];
  return { requests, power, phases: d.phases, end: Math.max(1e-9, ...ends),
    description: `Power of ${power.length} devices over ${d.phases.length} phases and ${requests.length} requests` };
}

function swatch(cls, dash, shade) {
  const line = cls.startsWith("s-");
  return el("i", { class: "swatch" }, svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" },
    line ? svg("line", { class: cls, x1: 0, x2: 12, y1: 6, y2: 6, "stroke-width": 2.5, opacity: (shade || 100) / 100, ...(dash ? { "stroke-dasharray": dash } : {}) })
      : svg("rect", { class: cls, width: 12, height: 12, rx: 3 })));
}

function powerSection(d) {
  const run = timelineData(d);
  const colours = [["f-prefill", "until the first token"], ["f-decode", "from the first token on"], ["f-failed", "failed"]]
    .filter(([cls]) => run.requests.length <= 400 && (cls !== "f-failed" || run.requests.some((r) => r.status !== "ok")));
  const keys = [...run.power.map((s) => el("span", {}, swatch(`s-${s.component}`, s.dash, s.shade), s.label + (s.kind === "estimate" ? ", estimated" : ""))),
    ...(run.requests.length ? colours.map(([cls, text]) => el("span", {}, swatch(cls), text)) : [])];
  const plot = el("div", { class: "plot" });
  const node = section("power", "Power over time", "every device, with the phases and the requests of the run",
    el("div", { class: "panel" }, el("div", { class: "legend" }, keys),
      run.power.length ? null : el("p", { class: "empty" }, d.power_absent),
      run.power.length || run.requests.length ? plot : null));
  return [node, () => { if (plot.isConnected) responsive(plot, (width) => timeline(run, width)); }];
}

function energySection(d) {
  const later = [];
  const panels = d.energy.map((split) => {
    const known = split.parts.some((p) => p.joules > 0) &&
      (split.sum_of_known || split.parts.every((p) => p.joules !== null));
    const plot = el("div", { class: "plot" });
    if (known) later.push(() => responsive(plot, (width) => splitBar(split.parts, width)));
    const total = split.parts.reduce((sum, p) => sum + Math.max(p.joules || 0, 0), 0);
    const share = (p) => p.joules === null || !known ? "" : `${digits((p.joules / total) * 100, 2)} %`;
    return el("div", { class: "panel" }, el("h3", {}, split.title), el("p", { class: "note" }, split.note), plot,
      el("table", { class: "split" }, el("tbody", {}, split.parts.map((p) => el("tr", {},
        el("td", {}, swatch(`f-${p.key}`), p.label), el("td", { class: "num" }, total ? share(p) : ""),
        el("td", { class: p.joules === null ? "muted" : "num" }, amount(p)))))));
  });
  return [section("energy", "Where the energy went", "of the measure phases; ± is the 95 % interval", el("div", { class: "grid3" }, panels)),
    () => later.forEach((draw) => draw())];
}

function latencySection(d) {
  const later = [];
  const names = ["mean", "std", "min", "p50", "p90", "p95", "p99", "p999", "max"];
  const panels = d.latency.filter((l) => l.key !== "tpot_s").map((l) => {
    const plot = el("div", { class: "plot" });
    if (l.histogram) {
      const marks = ["p50", "p95"].map((name) => ({ name, value: l.stats[name] }));
      later.push(() => responsive(plot, (width) => histogram(l.histogram, marks, width)));
    }
    return el("div", { class: "panel" }, el("h3", {}, l.label),
      el("p", { class: "note" }, l.note + (l.count ? `; ${l.count.toLocaleString("en-US")} values` : "")),
      l.histogram ? plot : el("p", { class: "empty" }, l.stats ? "This results document holds no histogram." : "Not observed in this run."));
  });
  const seen = d.latency.filter((l) => l.texts);
  const table = seen.length === 0 ? null : el("div", { class: "panel scroll", style: "margin-top:14px" }, el("table", {},
    el("thead", {}, el("tr", {}, el("th", {}, ""), names.map((n) => el("th", { class: "num" }, n)))),
    el("tbody", {}, seen.map((l) => el("tr", {}, el("td", {}, l.label), names.map((n) => el("td", { class: "num" }, l.texts[n])))))));
  return [section("latency", "Latency", "of the answered prompts", el("div", { class: "grid3" }, panels), table),
    () => later.forEach((draw) => draw())];
}

function gpuSection(d) {
  if (d.gpus.length === 0) return [null, () => {}];
  const later = [];
  const panels = d.gpus.map((gpu) => {
    const plot = el("div", { class: "plot" });
    const power = d.power.filter((s) => s.component === "gpu" && s.index === gpu.index);
    if (power.length) later.push(() => responsive(plot, (width) => sparkline(power[0], width)));
    return el("div", { class: "panel gpu" }, el("h3", {}, `GPU ${gpu.index}`), el("p", { class: "note" }, gpu.name), plot,
      el("table", {}, el("tbody", {}, el("tr", {}, el("td", {}, "Energy"), el("td", { class: "num" }, amount(gpu))),
        gpu.rows.map(([name, text]) => el("tr", {}, el("td", {}, name),
          el("td", { class: text === "not readable" ? "num muted" : "num" }, text))))));
  });
  return [section("gpus", d.gpus.length === 1 ? "GPU" : "GPUs", "while measuring", el("div", { class: "grid3" }, panels)),
    () => later.forEach((draw) => draw())];
}

// Repeats side by side, and how well the means are known.
function repeatSection(d) {
  if (d.intervals.length === 0 && d.repeats.length < 2) return null;
  const heads = (...names) => el("thead", {}, el("tr", {}, names.map((n, i) => el("th", i ? { class: "num" } : {}, n))));
  const cells = (texts, cls) => el("tr", {}, texts.map((t, i) => el("td", { class: i ? cls || "num" : "" }, t || "–")));
  const known = d.intervals.length === 0 ? null : el("div", { class: "panel scroll" }, el("table", {},
    heads("Mean", "95 % interval", "from"), el("tbody", {}, d.intervals.map((row) => cells(row)))));
  const rows = d.repeats.length < 2 ? null : el("div", { class: "panel scroll", style: "margin-top:14px" }, el("table", {},
    heads("Repeat", "Length", "Prompts", "Energy", "Per token", "Tokens/s", "Flags"),
    el("tbody", {}, d.repeats.map((r, i) => cells([String(i + 1), r.length, String(r.prompts), r.energy, r.per_token, r.speed, r.flags])))));
  return section("repeats", d.repeats.length > 1 ? "Repeats" : "How well the means are known",
    d.repeats.length > 1 ? "flagged ones are part of every mean" : "from batches of this run's requests; repeats say more", known, rows);
}

function sparkline(series, width) {
  const height = 54;
  const x = linear(series.t_s[0], series.t_s[series.t_s.length - 1], 0, width);
  const y = linear(0, Math.max(...series.power_w) || 1, height - 2, 4);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Power over the run" },
    svg("line", { class: "grid-line", x1: 0, x2: width, y1: height - 2, y2: height - 2 }),
    svg("path", { class: `mark line s-${series.component}`, d: pathOf(series.t_s, series.power_w, x, y) }));
}

function promptSection(d) {
  const p = d.prompts;
  const rows = p.index.length;
  if (rows === 0) return section("prompts", "Prompts", "", el("p", { class: "empty" }, "No prompt was started while measuring."));
  const plain = (values) => (i) => values[i] === null ? "–" : values[i].toLocaleString("en-US");
  const number = (name, values, cell) => ({ label: name, number: true, value: (i) => values[i], cell: cell || plain(values) });
  const time = (values) => (i) => values[i] === null ? "–" : duration(values[i]);
  const perToken = p.energy.map((e, i) => e === null || !p.output_tokens[i] ? null : e / p.output_tokens[i]);
  const energy = (i) => p.energy[i] === null ? "–" : digits(p.energy[i]) + (p.energy_uncertainty[i] ? ` ± ${digits(p.energy_uncertainty[i], 2)}` : "");
  const toggle = (event) => {
    if (event.type === "click" || event.key === "Enter") event.currentTarget.classList.toggle("open");
  };
  const columns = [
    number("Prompt", p.index, (i) => p.index[i] + (p.repeat[i] ? ` (pass ${p.repeat[i] + 1})` : "")),
    { label: "Status", value: (i) => p.status[i], cell: (i) => el("span", { class: `status-${p.status[i]}` }, p.status[i]) },
    number("Tokens in", p.prompt_tokens), number("Tokens out", p.output_tokens),
    number("TTFT", p.ttft, time(p.ttft)), number("Latency", p.latency, time(p.latency)),
    number("Energy, J", p.energy, energy), number("J per token", perToken, (i) => perToken[i] === null ? "–" : digits(perToken[i])),
    { label: "Ended by", value: (i) => p.finish[i], cell: (i) => p.finish[i] || "–" },
    { label: "Answer or error", cls: "text", value: (i) => p.text[i],
      cell: (i) => el("div", { class: "clip", tabindex: "0", title: "Show all of it", onclick: toggle, onkeydown: toggle }, p.text[i]) },
  ];
  return section("prompts", "Prompts", `${rows.toLocaleString("en-US")} measured; – is unknown; energy is each prompt's share of the gross energy`,
    el("div", { class: "panel prompts" }, bigTable({ rows, columns, status: (i) => p.status[i], statuses: [...new Set(p.status)].sort(),
      search: (i) => `${p.index[i]} ${p.status[i]} ${p.finish[i]} ${p.text[i]}` })));
}

// Nested objects as pairs "a › b": text.
function flatten(value, prefix, out) {
  for (const [key, inner] of Object.entries(value || {})) {
    const name = prefix ? `${prefix} › ${key}` : key;
    if (inner !== null && typeof inner === "object" && Object.keys(inner).length) flatten(inner, name, out);
    else out.push([name, inner === null || inner === "" || typeof inner === "object" ? "–" : String(inner)]);
  }
  return out;
}

const pairs = (value) => el("dl", { class: "pairs" }, flatten(value, "", []).map(([k, v]) => [el("dt", {}, k.replaceAll("_", " ")), el("dd", {}, v)]));

function detailSection(d) {
  const config = JSON.stringify(d.config, null, 2);
  const copy = el("button", { class: "button", type: "button", onclick: () => {
    navigator.clipboard?.writeText(config).then(() => { copy.textContent = "Copied"; });
  } }, "Copy");
  return section("details", "How this was measured", "",
    folded("Protocol", "phases with their length and energy", pairs(d.protocol), el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ["phase", "length", "energy"].map((t) => el("th", {}, t)))),
      el("tbody", {}, d.phase_rows.map((row) => el("tr", {}, row.map((t) => el("td", {}, t)))))))),
    folded("All numbers", "each with what it means", el("div", { class: "scroll metrics" }, el("table", {},
      el("thead", {}, el("tr", {}, ["metric", "value", "meaning"].map((t) => el("th", {}, t)))),
      el("tbody", {}, d.metrics.map(([name, text, meaning]) => el("tr", {}, el("td", {}, name), el("td", {}, text || "–"),
        el("td", { class: "muted" }, meaning))))))),
    folded("Environment", "machine, system and engine", pairs({ ...d.environment, engine: d.backend_info })),
    folded("Configuration", "as resolved; save it as a file to run this again", el("div", { class: "controls" }, copy), el("pre", {}, config)),
    folded("Files", "", pairs(d.files)));
}

function runPage(d) {
  const drawn = [powerSection(d), energySection(d), latencySection(d), gpuSection(d)];
  document.getElementById("page").replaceChildren(...[masthead(d), notices(d.warnings),
    el("div", { class: "cards" }, d.cards.map(card)), ...drawn.map(([node]) => node), repeatSection(d), promptSection(d), detailSection(d),
    el("footer", {}, `Run ${d.run_id}, recorded by aieb ${d.tool_version}. This page is one file and asks nothing of the network.`)].filter(Boolean));
  drawn.forEach(([, draw]) => draw());
}
