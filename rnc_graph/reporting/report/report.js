"use strict";
(async () => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  // Okabe and Ito's colors; black is the page's own ink.
  const colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1"];
  const color = (n) => colors[n % colors.length];
  const dash = (n) => ["solid", "dash", "dashdot"][Math.floor(n / colors.length) % 3];
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d"], displayModeBar: false };
  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  // The page holds the charts' data and Plotly compressed.
  const unpack = async (id) => {
    const bytes = Uint8Array.from(atob(byId(id).textContent), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  };
  const data = JSON.parse(await unpack("payload"));
  document.head.append(element("script", await unpack("plotly")));
  byId("no-charts").hidden = true;
  const shades = (hex, alpha) => {
    const n = parseInt(hex.slice(1), 16);
    return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${alpha})`;
  };

  const narrow = () => document.documentElement.clientWidth < 600;
  const layout = (x, y, more = {}) => {
    const axis = { gridcolor: style("--line"), zerolinecolor: style("--line"), linecolor: style("--line"), automargin: true };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style("--ink"), family: "system-ui, sans-serif", size: 12 },
      margin: { l: 50, r: 10, t: more.title ? 36 : 12, b: 44 }, hovermode: "closest",
      legend: { orientation: "h", y: narrow() ? -0.55 : -0.3, font: { size: 11 } }, ...more,
      xaxis: { ...axis, title: { text: plain(x), font: { size: narrow() ? 11 : 14 } }, ...(more.xaxis || {}) },
      yaxis: { ...axis, title: { text: plain(y), font: { size: narrow() ? 11 : 14 } }, ...(more.yaxis || {}) },
    };
  };
  // What lies between two lines.
  const band = (x, low, high, n) => ({ x: [...x, ...x.slice().reverse()], y: [...high, ...low.slice().reverse()], fill: "toself",
    fillcolor: shades(color(n), 0.1), mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: n });
  const draw = (id, traces, lay) => Plotly.react(id, traces, lay, config);
  // Plotly reads some HTML in its labels: names are shown as they are.
  const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  // Plotly keeps categories and groups as keys of objects: they are numbers here, with names as ticks.
  // On a narrow screen long ones would leave no room for the chart.
  const tick = (name) => plain(narrow() && name.length > 18 ? `${name.slice(0, 17)}…` : name);
  const ticks = (names) => ({ tickvals: names.map((_, n) => n), ticktext: names.map(tick) });

  // ---- one molecule or image, wherever it is pointed at
  let current = null;
  const kind = () => data.kinds[current.data].sample;
  const number = (value) => (value === null ? "—" : Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4));
  const fill = (place, of, sample, facts) => {
    const found = data.samples[of][sample];
    const classes = current.classes;
    place.replaceChildren();
    place.insertAdjacentHTML("afterbegin", found.picture);
    // Graphs without SMILES have no picture.
    place.firstElementChild?.setAttribute("role", "img");
    place.firstElementChild?.setAttribute("aria-label", found.label);
    const list = element("dl");
    for (const [name, value] of [[data.kinds[of].label, found.label], [classes.length ? "class" : "measured", classes.length ? classes[found.measured] : number(found.measured)], ...facts]) {
      list.append(element("dt", name), element("dd", value));
    }
    place.append(list);
  };
  const show = (sample, facts) => {
    fill(byId("sample"), current.data, sample, facts);
    byId("sample").dataset.label = data.samples[current.data][sample].label;
    for (const chart of document.querySelectorAll("#maps .chart")) {
      const plane = current.planes[+chart.dataset.plane];
      const place = plane.samples.indexOf(sample);
      Plotly.restyle(chart, { x: [place < 0 ? [] : [plane.x[place]]], y: [place < 0 ? [] : [plane.y[place]]] }, [1]);
    }
  };
  // Pointing and arrow keys do the same.
  const pointed = (chart, act) => {
    chart.on("plotly_hover", (event) => act(event.points[0].customdata));
    chart.on("plotly_click", (event) => act(event.points[0].customdata));
    let place = -1;
    chart.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const trace = chart.data[0];
      const order = [...trace.x.keys()].sort((a, b) => trace.x[a] - trace.x[b]);
      place = Math.max(0, Math.min(order.length - 1, place + step));
      Plotly.Fx.hover(chart, [{ curveNumber: 0, pointNumber: order[place] }]);
      act(trace.customdata[order[place]]);
    };
  };

  // ---- all conditions
  const overview = () => {
    const places = byId("curves-by-axis");
    places.replaceChildren();
    // A chart that is drawn while hidden does not know its width.
    byId("overview").hidden = false;
    // All stand in their places before any is drawn, as wide as its place then is.
    const charts = [];
    const axes = new Set(data.conditions.flatMap((c) => Object.keys(c.axes).filter((a) => typeof c.axes[a] === "number")));
    for (const axis of axes) {
      const groups = new Map();
      for (const c of data.conditions) {
        if (typeof c.axes[axis] !== "number") continue;
        const fixed = Object.keys(c.axes).filter((a) => a !== axis).map((a) => `${a.replaceAll("_", " ")} ${c.axes[a]}`);
        const name = [c.data, c.encoder, ...fixed].filter(Boolean).join(", ");
        groups.set(name, [...(groups.get(name) || []), c]);
      }
      for (const [name, found] of groups) {
        if (found.length < 2) continue;
        found.sort((a, b) => a.axes[axis] - b.axes[axis]);
        const chart = element("div", undefined, { class: "chart", tabindex: "0" });
        places.append(chart);
        const traces = [];
        found[0].rows.forEach((row, n) => {
          // Baselines are missing where molecules are altered as graphs.
          const at = found.flatMap((c) => c.rows.filter((r) => r.name === row.name).map((r) => [c.axes[axis], r.score]));
          const x = at.map((p) => p[0]);
          if (at.every((p) => p[1][1] !== null)) traces.push(band(x, at.map((p) => p[1][1]), at.map((p) => p[1][2]), n));
          traces.push({ x, y: at.map((p) => p[1][0]), name: plain(row.name), legendgroup: n, mode: "lines+markers",
            line: { color: color(n), dash: row.baseline ? "dot" : dash(n) } });
        });
        charts.push([chart, traces, layout(axis.replace(/_/g, " "), `${data.compared} ${found[0].score}`, { title: { text: plain(name), font: { size: 13 } } })]);
      }
    }
    for (const [chart, traces, shape] of charts) draw(chart, traces, shape);
    const ranking = data.ranking;
    if (ranking && ranking.critical !== null) {
      byId("ranks").hidden = false;
      const k = ranking.names.length;
      const traces = [{ x: ranking.ranks, y: ranking.names.map((_, n) => n), text: ranking.names.map(plain), mode: "markers", marker: { size: 9, color: color(0) }, hovertemplate: "%{text}: %{x:.2f}<extra></extra>" }];
      const shapes = ranking.groups.map(([first, last], n) => ({ type: "line", x0: ranking.ranks[first], x1: ranking.ranks[last],
        y0: k - 0.35 + 0.3 * n, y1: k - 0.35 + 0.3 * n, line: { color: style("--soft"), width: 4 } }));
      draw("ranks-chart", traces, layout("average rank", "", { shapes, yaxis: { autorange: "reversed", ...ticks(ranking.names) } }));
      byId("ranks-words").textContent = `Average ranks over ${ranking.datasets} data sets. Bars join methods whose ranks do not differ significantly (critical difference ${ranking.critical.toFixed(2)}, Nemenyi); Friedman's test: p ${ranking.friedman < 0.001 ? "< 0.001" : "= " + ranking.friedman.toFixed(3)}.`;
    }
    byId("curves-words").hidden = !places.children.length;
    byId("overview").hidden = !places.children.length && byId("ranks").hidden;
  };

  // ---- one condition
  const differences = (condition) => {
    const rows = condition.rows.filter((row) => row.difference).reverse();
    const told = (row) => row.difference[3] !== null && row.difference[3] < 0.05;
    const paint = rows.map((row) => (told(row) ? (row.difference[0] < 0 ? color(2) : color(1)) : style("--soft")));
    draw("differences", [{
      x: rows.map((row) => row.difference[0]), y: rows.map((_, n) => n), text: rows.map((row) => plain(row.name)), mode: "markers",
      marker: { size: 10, color: rows.map((row, n) => (told(row) ? paint[n] : style("--paper"))), line: { color: paint, width: 2 } },
      error_x: { type: "data", symmetric: false, color: style("--soft"), thickness: 1.4,
        array: rows.map((row) => (row.difference[2] ?? row.difference[0]) - row.difference[0]),
        arrayminus: rows.map((row) => row.difference[0] - (row.difference[1] ?? row.difference[0])) },
      hovertemplate: "%{text}: %{x:+.3f}<extra></extra>",
    }], layout(`difference in ${condition.score}`, "", { height: 90 + 30 * rows.length, yaxis: ticks(rows.map((row) => row.name)) }));
    byId("differences-words").textContent = `${rows.filter(told).length} of ${rows.length} differences are significant.`;
    byId("differences").style.height = `${90 + 30 * rows.length}px`;
  };

  const learning = () => {
    const wanted = byId("curve").value;
    const rows = [...new Set(current.curves.map((c) => c.row))];
    const traces = [];
    for (const c of current.curves.filter((c) => c.value === wanted)) {
      const n = rows.indexOf(c.row);
      const x = c.mean.map((_, epoch) => epoch + 1);
      traces.push(band(x, c.low, c.high, n));
      traces.push({ x, y: c.mean, name: plain(c.row), legendgroup: n, mode: "lines", line: { color: color(n), dash: dash(n), width: 2 } });
    }
    draw("learning", traces, layout("epoch", wanted, { xaxis: traces.some((t) => t.x.length > 24) ? {} : { dtick: 1 } }));
  };

  const scatter = () => {
    const n = Math.max(0, current.points.findIndex((row) => row.name === byId("method").value));
    const row = current.points[n];
    byId("by-label").closest("figure").hidden = !!current.classes.length;
    if (current.classes.length) {
      byId("by-distance").closest("figure").hidden = true;
      const names = ticks(current.classes);
      const text = row.confusion.map((line, i) => line.map((count, j) => `${names.ticktext[i]} taken for ${names.ticktext[j]}: ${count}`));
      draw("scatter", [{ type: "heatmap", z: row.confusion, text, colorscale: "Viridis", hovertemplate: "%{text}<extra></extra>" }],
        layout("predicted class", "class", { xaxis: names, yaxis: { autorange: "reversed", ...names } }));
      return;
    }
    const of = data.samples[current.data];
    // Each dot: its sample, prediction and seed.
    const dots = Object.entries(row.predicted).flatMap(([seed, values]) =>
      values.map((value, i) => [current.evaluated[seed][i], value, seed]));
    const measured = dots.map((p) => of[p[0]].measured);
    const predicted = dots.map((p) => p[1]);
    const known = measured.filter((v) => v !== null);
    const ends = [Math.min(...known), Math.max(...known)];
    const unit = current.unit ? ` (${current.unit})` : "";
    const error = (v, i) => (v === null || measured[i] === null ? null : v - measured[i]);
    const absolute = (v, i) => (error(v, i) === null ? null : Math.abs(error(v, i)));
    const marker = { size: 7, color: shades(color(0), 0.45), line: { width: 0 } };
    const distance = Object.entries(row.predicted).flatMap(([seed, values]) =>
      values.map((_, i) => (current.distance[seed] || [])[i] ?? null));
    const act = (p) => show(p[0], [["predicted", number(p[1])], ["method", row.name], ["seed", p[2]]]);
    const common = { mode: "markers", type: "scatter", marker, customdata: dots, hoverinfo: "none" };
    draw("scatter", [{ ...common, x: measured, y: predicted }, { x: ends, y: ends, mode: "lines", line: { color: style("--soft"), width: 1 }, hoverinfo: "skip" }],
      layout(`measured ${current.target}${unit}`, `predicted ${current.target}${unit}`, { showlegend: false }));
    draw("by-label", [{ ...common, x: measured, y: predicted.map(error) }], layout(`measured ${current.target}${unit}`, "predicted − measured", { showlegend: false }));
    byId("by-distance").closest("figure").hidden = !Object.keys(current.distance).length;
    draw("by-distance", [{ ...common, x: distance, y: predicted.map(absolute) }], layout("distance to the training set", "absolute error", { showlegend: false }));
    for (const id of ["scatter", "by-label", "by-distance"]) {
      byId(id).removeAllListeners?.("plotly_hover");
      byId(id).removeAllListeners?.("plotly_click");
      pointed(byId(id), act);
    }
  };

  const maps = () => {
    const places = byId("maps");
    places.replaceChildren();
    const of = data.samples[current.data];
    const words = { pca: "the first two principal components", tsne: "t-SNE", umap: "UMAP" }[data.maps];
    byId("maps-words").textContent = `Each method's embedding of the ${data.compared} ${kind()}s of its first seed by ${words}, colored by ${current.target}. The one that you point at is marked in all of them.`;
    // All before the first is drawn: a chart takes the width that it finds.
    const charts = current.planes.map((_, n) => element("div", undefined, { class: "chart small", tabindex: "0", "data-plane": n }));
    places.append(...charts);
    const classes = current.classes;
    const bar = { thickness: 10, ...(classes.length ? ticks(classes) : {}) };
    current.planes.forEach((plane, n) => {
      const chart = charts[n];
      const last = n === current.planes.length - 1;
      draw(chart, [
        { x: plane.x, y: plane.y, mode: "markers", type: "scatter", hoverinfo: "none", customdata: plane.samples,
          marker: { size: 7, color: plane.samples.map((m) => of[m].measured), colorscale: "Viridis", showscale: last, colorbar: bar } },
        { x: [], y: [], mode: "markers", hoverinfo: "skip", marker: { size: 16, color: "rgba(0,0,0,0)", line: { color: "#D55E00", width: 3 } } },
      ], layout("", "", { showlegend: false, title: { text: plain(plane.name), font: { size: 13 } }, margin: { l: 10, r: 10, t: 34, b: 10 },
        xaxis: { showticklabels: false, zeroline: false }, yaxis: { showticklabels: false, zeroline: false } }));
      pointed(chart, (sample) => show(sample, [["method", plane.name], ["seed", String(plane.seed)]]));
    });
  };

  const worst = () => {
    const places = byId("worst");
    places.replaceChildren();
    for (const found of current.worst) {
      const card = element("div");
      fill(card, current.data, found.sample, [[current.classes.length ? "share wrong" : "mean |error|", number(found.mean)]]);
      const table = element("table");
      for (const [name, error] of Object.entries(found.errors)) {
        const line = element("tr");
        line.append(element("th", name, { scope: "row" }), element("td", (error > 0 && !current.classes.length ? "+" : "") + number(error)));
        table.append(line);
      }
      card.append(table);
      places.append(card);
    }
  };

  const choices = (id, values) => {
    const before = byId(id).value;
    byId(id).replaceChildren(...values.map((value) => element("option", value, { value })));
    if (values.includes(before)) byId(id).value = before;
  };

  const choose = () => {
    const n = +byId("condition").value;
    document.querySelectorAll(".condition").forEach((section) => { section.hidden = +section.dataset.condition !== n; });
    const condition = data.conditions[n];
    differences(condition);
    current = Object.hasOwn(data.details, condition.name) ? data.details[condition.name] : null;
    byId("detail").hidden = false;
    for (const part of byId("detail").querySelectorAll(".of-measured")) part.hidden = !!current?.classes.length;
    byId("scatter-title").textContent = current?.classes.length ? "Predicted classes" : "Predicted against measured";
    for (const section of byId("detail").querySelectorAll("section")) section.hidden = !current;
    byId("left-out").textContent = current ? data.left_out : condition.unshown;
    if (!current) return;
    const names = [...new Set(current.curves.map((c) => c.value))];
    choices("curve", names);
    choices("method", current.points.map((row) => row.name));
    learning(); scatter(); maps(); worst();
  };

  // ---- sorting
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const head = button.parentElement;
      const column = [...head.parentElement.children].indexOf(head);
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const key = (line) => {
        const cell = line.children[column];
        if (button.dataset.kind === "text") return cell.textContent;
        return cell.dataset.value === undefined ? null : +cell.dataset.value;
      };
      const lines = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        // What has no value stays last.
        if (x === null || y === null) return (x === null) - (y === null);
        const order = typeof x === "string" ? x.localeCompare(y) : x - y;
        return rising ? order : -order;
      });
      body.append(...lines);
    });
  }

  // ---- theme
  const paint = (dark) => {
    root.dataset.theme = dark ? "dark" : "light";
    byId("theme").textContent = dark ? "Light" : "Dark";
    byId("theme").setAttribute("aria-pressed", String(dark));
    overview();
    choose();
  };
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  preferred.addEventListener("change", () => paint(preferred.matches));
  byId("theme").addEventListener("click", () => paint(root.dataset.theme !== "dark"));
  byId("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId("command").textContent);
    byId("copy").textContent = "Copied";
  });
  byId("condition").addEventListener("change", choose);
  byId("curve").addEventListener("change", learning);
  byId("method").addEventListener("change", scatter);
  if (data.conditions.length < 2) byId("condition").closest("p").querySelectorAll("label, select").forEach((e) => { e.hidden = true; });
  paint(preferred.matches);
  root.dataset.ready = "yes";
})();
