"use strict";
/* Draws what the page's data say. Text from the data is only ever put in as text: nothing here makes markup of it. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const cards = [...document.querySelectorAll("details.finding")];

  // --- small things ---------------------------------------------------------------------------------------------

  function svg(name, attributes, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    for (const child of children) element.append(child);
    return element;
  }
  function html(name, words, attributes) {
    const element = document.createElement(name);
    if (words !== undefined) element.textContent = words;
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    return element;
  }
  function clock(seconds) {
    if (data.start === null) return seconds.toFixed(Math.abs(seconds) < 1e6 ? 3 : 0) + " s";
    const whole = new Date(data.start + Math.floor(seconds * 1000));
    return isNaN(whole) ? seconds.toFixed(3) + " s" : whole.toISOString().slice(11, 23);
  }
  function lasting(seconds) {
    if (seconds < 1) return Math.round(seconds * 1000) + " ms";
    if (seconds < 120) return seconds.toFixed(seconds < 10 ? 1 : 0) + " s";
    if (seconds < 7200) return Math.round(seconds / 60) + " min";
    return (seconds / 3600).toFixed(1) + " h";
  }
  const STAGES = ["inside", "outside", "detecting", "failed", "unknown"];
  function stageClass(name) {
    if (STAGES.includes(name)) return "s-" + name;
    return [...name].reduce((sum, c) => sum + c.codePointAt(0), 0) % 2 ? "s-a" : "s-b";
  }

  // --- opening findings, with or without a picture ------------------------------------------------------------------

  let selected = -1;
  function openCard(n, scroll) {
    cards.forEach((card, k) => { if (k !== n && card.open) card.open = false; });
    if (cards[n]) {
      cards[n].open = true;
      if (scroll) cards[n].scrollIntoView({ block: "nearest" });
    }
  }
  addEventListener("beforeprint", () => cards.forEach((card) => { card.dataset.was = card.open ? "1" : ""; card.open = true; }));
  addEventListener("afterprint", () => cards.forEach((card) => { card.open = card.dataset.was === "1"; }));
  if (!data.lanes || !data.marks) {
    const jump = () => { const at = /^#finding=(\d+)$/.exec(location.hash); if (at) openCard(Number(at[1]) - 1, true); };
    addEventListener("hashchange", jump);
    jump();
    return;
  }
  $("picture").hidden = false;

  // --- items: events, what ends by itself, what was owed ------------------------------------------------------------

  const T = data.texts;
  const own = data.lanes.filter((lane) => lane.own).length;
  const items = data.marks.map((m, n) => ({
    n, time: m[0], until: m[1], count: m[2], from: m[3], to: m[4], outward: m[5] === 1, label: T[m[6]], words: T[m[7]],
    tone: T[m[8]], kind: T[m[9]], keys: T[m[10]], file: m[11][0], place: m[11][1], last: m[12], rules: m[13].map((r) => T[r]),
    lost: m[14] === 1, node: m[15] < 0 ? "" : T[m[15]], findings: [], type: "event",
  }));
  const stages = data.stages.map(([lane, name, since, until]) => ({ lane, name: T[name], since, until }));
  const times = new Set(items.map((i) => i.time));
  for (const s of stages) {
    const before = stages.find((x) => x.lane === s.lane && x.until === s.since);
    if (before && before.name !== s.name && !times.has(s.since)) {
      items.push({
        time: s.since, until: s.since, count: 1, from: s.lane, to: -1, outward: false, tone: "turn",
        label: s.name === "unknown" ? "not known from here" : `time is up: ${s.name}`,
        words: s.name === "unknown" ? `what ${data.lanes[s.lane].name} is is not known from here, as evidence is missing`
          : `${data.lanes[s.lane].name} counts as “${s.name}” from here, as time has run out: ${data.about[s.name] || ""}`,
        kind: "time", keys: "", file: -1, place: 0, last: 0, rules: [], lost: false, findings: [], type: "turn",
      });
    }
  }
  const laneOf = new Map(data.lanes.map((lane, k) => [lane.name, k]));
  data.findings.forEach((finding, n) => {
    if (finding.overdue) {
      items.push({
        time: finding.time, until: finding.time, count: 1, from: laneOf.get(finding.interface) ?? 0, to: -1, outward: false,
        label: `${finding.rule}: not done in time`, words: `${finding.rule}: what was owed has not been done by now`, tone: "turn",
        kind: "time", keys: "", file: -1, place: 0, last: 0, rules: [finding.rule], lost: false, findings: [n], type: "due",
      });
    }
  });
  items.sort((a, b) => a.time - b.time || (a.n ?? 1e9) - (b.n ?? 1e9));
  items.forEach((item, n) => { item.n = n; });
  const exact = new Map();
  for (const item of items) if (item.place) exact.set(`${item.file}:${item.place}`, item);
  function at([file, place]) {
    return exact.get(`${file}:${place}`) ||
      items.find((i) => i.place && i.file === file && i.place <= place && place <= i.last && i.count > 1) || null;
  }
  data.findings.forEach((finding, n) => {
    finding.item = items.find((i) => i.type === "due" && i.findings[0] === n) || at(finding.at);
    finding.led = finding.because.map(at).filter(Boolean);
    finding.missed = finding.misses.map(at).filter(Boolean);
    if (finding.overdue && at(finding.at)) finding.led.push(at(finding.at));
    if (finding.item && !finding.item.findings.includes(n)) finding.item.findings.push(n);
  });

  // --- filters ------------------------------------------------------------------------------------------------------

  function fill(select, names) { for (const name of names) select.append(html("option", name, { value: name })); }
  fill($("by-lane"), data.lanes.map((lane) => lane.name));
  const nodes = [...new Set(items.map((i) => i.node).filter(Boolean))].sort(), manyNodes = nodes.length > 1;
  fill($("by-node"), nodes);
  $("by-node").parentElement.hidden = !manyNodes;
  fill($("by-kind"), [...new Set(items.map((i) => i.kind))].sort());
  fill($("by-rule"), [...new Set(data.findings.map((f) => f.rule))]);
  let shown = items, range = null;
  function filter() {
    const lane = $("by-lane").value, node = $("by-node").value, kind = $("by-kind").value, rule = $("by-rule").value;
    const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const ruled = rule ? new Set(data.findings.flatMap((f) => (f.rule === rule ? [f.item, ...f.led, ...f.missed] : []))) : null;
    shown = items.filter((i) =>
      (!lane || data.lanes[i.from]?.name === lane || data.lanes[i.to]?.name === lane) && (!node || i.node === node || !i.node) &&
      (!range || (i.until >= range[0] && i.time <= range[1])) &&
      (!kind || i.kind === kind) && (!ruled || ruled.has(i) || i.rules.includes(rule)) &&
      (!words.length || words.every((w) => `${i.words} ${i.label} ${i.kind} ${i.keys} ${i.rules.join(" ")}`.toLowerCase().includes(w))));
    cards.forEach((card, n) => {
      const f = data.findings[n];
      card.hidden = Boolean((rule && f.rule !== rule) || (node && f.node && f.node !== node) || (lane && f.interface && f.interface !== lane && laneOf.get(lane) < own));
    });
    $("told").textContent = shown.length === items.length ? "" : `${shown.length} of ${items.length} events are shown.`;
    arrange();
    fillTable(true);
    const looked = here || (selected >= 0 ? data.findings[selected].item : null);
    if (shown.includes(looked)) scrollTo(looked);
  }

  // --- where everything is --------------------------------------------------------------------------------------------

  const chart = $("chart"), canvas = $("canvas"), lanesBar = $("lanes");
  const HEAD = 42, TOP = 18;
  let zoom = 1, byClock = false, height = 0, width = 0, xs = [], gutter = 84, anchors = [];
  const span = Math.max(1e-9, data.span[1] - data.span[0]);

  function arrange() {
    const room = chart.clientWidth - 2;
    const narrow = room < 560;
    gutter = narrow ? 62 : 92;
    const least = narrow ? 58 : 96;
    const lead = narrow ? 30 : 46;
    const count = data.lanes.length;
    const each = Math.max(least, (room - gutter - lead - 20) / Math.max(1, count));
    width = Math.max(room, gutter + lead + each * count);
    xs = data.lanes.map((_, k) => gutter + lead + each * k + (k < own ? 0 : each * 0.35));
    let y = TOP, before = null;
    anchors = [];
    const perSecond = byClock ? zoom * Math.max(400, chart.clientHeight - HEAD - 60) / span : 40 * zoom;
    const from = data.span[0];
    for (const item of shown) {
      if (byClock) y = TOP + (item.time - from) * perSecond;
      else if (before !== null) {
        const passed = item.time - before.until;
        y += Math.min(96 * zoom, Math.max(26 * zoom, 16, passed * perSecond));
      }
      item.y = y;
      anchors.push([item.time, y]);
      item.end = y;
      if (item.until > item.time) {
        const next = byClock ? TOP + (item.until - from) * perSecond : y + Math.min(60 * zoom, Math.max(18 * zoom, (item.until - item.time) * perSecond));
        item.end = next;
        if (!byClock) { y = next; anchors.push([item.until, y]); }
      }
      before = item;
    }
    if (byClock || !anchors.length) {
      anchors = [[from, TOP], [data.span[1], TOP + span * perSecond]];
      y = anchors[1][1];
    } else {
      anchors.sort((a, b) => a[0] - b[0]);
      let most = 0;
      for (const anchor of anchors) { most = Math.max(most, anchor[1]); anchor[1] = most; }
      const tail = data.span[1] - anchors[anchors.length - 1][0];
      const lead = anchors[0][0] - data.span[0];
      if (lead > 0) anchors.unshift([data.span[0], Math.max(0, anchors[0][1] - 14)]);
      if (tail > 0) { y = most + Math.min(60 * zoom, Math.max(12, tail * perSecond)); anchors.push([data.span[1], y]); }
    }
    height = y + 40;
    canvas.style.height = height + "px";
    canvas.style.width = lanesBar.style.width = width + "px";
    drawLanes();
    drawn = null;
    draw();
    overview();
  }
  function yOf(time) {
    let low = 0, high = anchors.length - 1;
    if (time <= anchors[0][0]) return anchors[0][1];
    if (time >= anchors[high][0]) return anchors[high][1];
    while (high - low > 1) { const middle = (low + high) >> 1; if (anchors[middle][0] <= time) low = middle; else high = middle; }
    const [t0, y0] = anchors[low], [t1, y1] = anchors[high];
    return t1 === t0 ? y1 : y0 + (y1 - y0) * (time - t0) / (t1 - t0);
  }
  function drawLanes() {
    const bar = svg("svg", { width, height: HEAD, "aria-hidden": "true" });
    data.lanes.forEach((lane, k) => {
      const room = Math.min(...[xs[k] - (xs[k - 1] ?? 0), (xs[k + 1] ?? 2 * width - xs[k]) - xs[k]]);
      const most = Math.max(6, Math.floor(room / 7.2));
      const words = svg("text", { x: xs[k], y: 26, class: k < own ? "head" : "head other" });
      words.append(lane.name.length > most ? lane.name.slice(0, most - 1) + "…" : lane.name, svg("title", {}, `${lane.name}: ${lane.title}`));
      bar.append(words);
    });
    lanesBar.replaceChildren(bar);
  }

  // --- drawing what is in view ----------------------------------------------------------------------------------------

  let drawn = null, waiting = false;
  function within(list, low, high, start, end) { return list.filter((x) => x[end] >= low && x[start] <= high); }
  function draw() {
    const printing = matchMedia("print").matches;
    const low = printing ? 0 : Math.max(0, chart.scrollTop - 500), high = printing ? height : chart.scrollTop + chart.clientHeight + 500;
    const key = [low >> 7, high >> 7, width, height, selected, here?.n].join();
    if (drawn === key) return;
    drawn = key;
    const bottom = Math.min(height, high);
    const root = svg("svg", { width, height: Math.max(0, bottom - low), viewBox: `0 ${low} ${width} ${Math.max(0, bottom - low)}`, "aria-hidden": "true" });
    root.style.top = low + "px";
    data.lanes.forEach((_, k) => root.append(svg("line", { x1: xs[k], x2: xs[k], y1: low, y2: bottom, class: "lifeline" })));
    for (const [lane, since, until, reason] of data.gaps) {
      const y1 = yOf(since), y2 = Math.max(yOf(until), y1 + 4);
      if (y2 < low || y1 > bottom) continue;
      const x1 = lane < 0 ? gutter : xs[lane] - 26, x2 = lane < 0 ? width : xs[lane] + 26;
      const shade = svg("g", {}, svg("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, class: "gap" }));
      for (let x = x1 - (y2 - y1) + 8; x < x2; x += 12) {
        const a = Math.max(x, x1), b = Math.min(x + y2 - y1, x2);
        if (b > a) shade.append(svg("line", { x1: a, y1: y2 - (a - x), x2: b, y2: y2 - (b - x), class: "hatch" }));
      }
      const missing = `evidence is missing here${T[reason] ? ": " + T[reason] : ""}`, most = Math.max(6, Math.floor((width - x1 - 60) / 6.4));
      if (y2 - y1 >= 18) shade.append(svg("text", { x: lane < 0 ? x1 + 60 : x2 + 6, y: (y1 + y2) / 2 + 4, class: "halo turn" }, missing.length > most ? missing.slice(0, most - 1) + "…" : missing));
      shade.append(svg("title", {}, missing));
      root.append(shade);
    }
    const led = selected >= 0 ? data.findings[selected] : null;
    for (const item of shown) {
      if (item.end < low - 40 || item.y > bottom + 40) continue;
      const why = !led ? "" : led.item === item ? "found" : led.led.includes(item) ? "led" : led.missed.includes(item) ? "missed" : "";
      if (why || item === here) root.append(svg("rect", { x: gutter - 4, y: item.y - 11, width: width - gutter, height: 22 + item.end - item.y, class: `ground ${why || "here"}`, rx: 4 }));
    }
    drawStages(root, low, bottom);
    drawFlows(root, low, bottom);
    drawLimits(root, low, bottom);
    drawTicks(root, low, bottom);
    let used = -1e9, thin = -1e9;
    for (const item of shown) {
      if (item.end < low - 40 || item.y > bottom + 40) continue;
      const labelled = !byClock || item.y - used >= 13 || item.findings.length > 0;
      if (labelled) used = item.y;
      else if (item.y - thin < 2 && item.end - item.y < 1) continue; // nobody could tell them apart
      thin = item.y;
      root.append(drawItem(item, labelled));
    }
    if (led) drawThreads(root, led);
    canvas.replaceChildren(root);
  }
  function drawStages(root, low, high) {
    for (const s of stages) {
      const y1 = yOf(s.since), y2 = Math.max(yOf(s.until), y1 + 1);
      if (y2 < low || y1 > high) continue;
      const x = xs[s.lane], top = Math.max(y1, low), end = Math.min(y2, high);
      const bar = svg("g", {}, svg("rect", { x: x - 8, y: y1, width: 16, height: y2 - y1, rx: 3, class: stageClass(s.name) }));
      if (end - top > s.name.length * 7 + 10) {
        const middle = Math.min(Math.max((top + end) / 2, y1 + s.name.length * 4 + 8), y2 - s.name.length * 4 - 8);
        bar.append(svg("text", { x: 0, y: 0, class: "stage-name", transform: `translate(${x + 4} ${middle}) rotate(-90)` }, s.name));
      }
      bar.append(svg("title", {}, `${data.lanes[s.lane].name}, ${clock(s.since)} to ${clock(s.until)}: ${s.name}. ${data.about[s.name] || ""}`));
      root.append(bar);
    }
  }
  const columns = new Map();
  data.limits.sort((a, b) => b[2] === a[2] ? a[3] - b[3] : a[2] - b[2]);
  for (const limit of data.limits) {
    const key = limit[0], free = columns.get(key) || [];
    let column = limit[2] ? 1 : 0;
    while (column < 3 && (free[column] || []).some(([since, until]) => since < limit[5] && limit[3] < until)) column++;
    (free[column] = free[column] || []).push([limit[3], limit[5]]);
    columns.set(key, free);
    limit.column = Math.min(column, 3);
  }
  function drawLimits(root, low, high) {
    for (const limit of data.limits) {
      const [lane, name, isRule, since, due, until, ended] = limit;
      const y1 = yOf(since), y2 = Math.max(yOf(until), y1 + 2), y3 = Math.max(yOf(Math.min(due, data.span[1])), y2);
      if (y3 < low || y1 > high) continue;
      const x = xs[lane] - 14 - 7 * limit.column, part = Math.min(1, due > since ? (until - since) / (due - since) : 1);
      const wide = 6, left = wide * (1 - part);
      const how = { met: "done in time", over: "ran out", gone: "not owed any more", open: "not over when the trace ends" }[T[ended]] || T[ended];
      const what = isRule ? `${T[name]} (${data.rules[T[name]] || ""})` : `“${T[name]}” lasts no longer than`;
      root.append(svg("g", {},
        svg("path", { d: `M${x} ${y1}L${x - wide} ${y1}L${x - left} ${y2}L${x} ${y2}Z`, class: `wedge ${isRule ? "" : "stage"} ${T[ended] === "over" && isRule ? "over" : ""}` }),
        svg("path", { d: `M${x} ${y2}L${x - left} ${y2}L${x} ${y3}Z`, class: "wedge rest" }),
        svg("title", {}, `${what}: from ${clock(since)}, until ${clock(due)} at the latest; ${how}`)));
    }
  }
  const flowMost = Math.max(1, ...data.flows.flatMap((f) => f[6].map((pair) => pair[1])));
  function drawFlows(root, low, high) {
    const columns = new Map();
    data.flows.forEach(([lane, , , tone, , words, counts, broken]) => {
      const column = columns.get(lane) || 0;
      columns.set(lane, column + 1);
      const x = xs[lane] + 11 + column * 7, bad = new Map(broken);
      let last = null;
      const group = svg("g", { class: `${T[tone]} flow` });
      for (const [step, count] of counts) {
        const since = data.span[0] + step * data.step, y1 = yOf(since), y2 = Math.max(yOf(since + data.step), y1 + 1);
        if (y2 < low || y1 > high) continue;
        const wrong = bad.get(step);
        const strength = 0.25 + 0.75 * Math.sqrt(count / flowMost);
        if (last && !wrong && !last.wrong && y1 - last.y2 < 0.5 && y2 - last.y1 < 3) { last.y2 = y2; last.rect.setAttribute("height", y2 - last.y1); continue; }
        const rect = svg("rect", { x, y: y1, width: 5, height: y2 - y1, class: "band" }, svg("title", {}, `${T[words].replace(/[\d,]+ packets?/, count.toLocaleString("en") + " packets")}, ${clock(since)} to ${clock(since + data.step)}${wrong ? `; ${wrong.toLocaleString("en")} against a rule` : ""}`));
        rect.style.opacity = strength;
        if (wrong) rect.style.fill = "var(--bad)";
        group.append(rect);
        last = { y1, y2, rect, wrong };
      }
      root.append(group);
    });
  }
  function drawTicks(root, low, high) {
    if (byClock) {
      const rough = 70 * span / Math.max(1, height - TOP - 40), power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough) || rough;
      for (let t = Math.ceil(data.span[0] / step) * step; t <= data.span[1]; t += step) {
        const y = yOf(t);
        if (y >= low && y <= high) root.append(svg("text", { x: gutter - 14, y: y + 4, class: "time", "text-anchor": "end" }, clock(t)));
      }
      return;
    }
    let before = null;
    for (const item of shown) {
      if (item.y >= low && item.y <= high) {
        root.append(svg("text", { x: gutter - 14, y: item.y + 4, class: "time", "text-anchor": "end" }, clock(item.time)));
        if (before && item.time - before.until >= Math.max(0.5, span / 40) && item.y - before.end >= 34) {
          root.append(svg("text", { x: gutter - 14, y: (item.y + before.end) / 2 + 4, class: "pause", "text-anchor": "end" }, `⋮ ${lasting(item.time - before.until)}`));
        }
      }
      before = item;
    }
  }
  function named(item) { return manyNodes && item.node && !$("by-node").value ? `${item.label} · ${item.node}` : item.label; }
  function drawItem(item, labelled) {
    const x1 = xs[item.from], kinds = ["item", item.tone];
    if (item.lost) kinds.push("lost");
    if (item.rules.length || item.type === "due") kinds.push("broken");
    const group = svg("g", { class: kinds.join(" ") });
    const deep = Math.max(0, item.end - item.y);
    group.append(svg("rect", { x: gutter - 4, y: item.y - 11, width: width - gutter, height: 22 + deep, class: "hit", rx: 4 }));
    if (item.to >= 0) {
      const x2 = xs[item.to], away = x2 > x1 ? 1 : -1, start = x1 + away * 10;
      const stop = item.lost ? start + (x2 - start) * 0.72 : x2;
      if (deep > 1) group.append(svg("rect", { x: Math.min(start, x2), y: item.y, width: Math.abs(x2 - start), height: deep, class: "band" }));
      for (const y of deep > 1 ? [item.y, item.end] : [item.y]) {
        group.append(svg("line", { x1: start, x2: stop, y1: y, y2: y, class: "arrow" }));
        const tip = item.outward ? stop : start, back = item.outward ? -away : away;
        if (!item.lost) group.append(svg("path", { d: `M${tip} ${y}l${8 * back} -4v8Z`, class: "tip" }));
      }
      if (item.lost) group.append(svg("path", { d: `M${stop - 5} ${item.y - 5}l10 10m0 -10l-10 10`, class: "arrow whole" }));
      if (labelled) {
        const words = item.lost ? `${item.label}: no answer` : named(item);
        const length = Math.abs(x2 - start), need = words.length * 6.4;
        const middle = need < length - 24;
        const x = middle ? (start + stop) / 2 : start + away * 12;
        const most = Math.max(6, Math.floor((width - start - 24) / 6.4));
        group.append(svg("text", { x, y: item.y + (deep > 1 ? deep / 2 + 4 : -4), class: "halo", "text-anchor": middle ? "middle" : "start" }, words.length > most ? words.slice(0, most - 1) + "…" : words));
      }
    } else {
      group.append(svg("circle", { cx: x1, cy: item.y, r: item.type === "event" ? 4 : 3, class: "dot" }));
      if (labelled) {
        const most = Math.max(6, Math.floor((width - x1 - 30) / 6.4));
        const words = named(item);
        group.append(svg("text", { x: x1 + 22, y: item.y + 4, class: item.type === "event" ? "halo" : "halo turn" }, words.length > most ? words.slice(0, most - 1) + "…" : words));
      }
    }
    item.findings.forEach((n, k) => {
      const kind = data.findings[n].kind, x = x1 - 30 - 20 * k;
      group.append(svg("g", { class: kind }, svg("circle", { cx: x, cy: item.y + deep / 2, r: 9, class: "badge-dot" }), svg("text", { x, y: item.y + deep / 2 + 4, class: "badge-text" }, String(n + 1))));
    });
    group.append(svg("title", {}, `${clock(item.time)}${item.until > item.time ? " to " + clock(item.until) : ""}: ${item.words}${item.lost ? "; no answer is seen" : ""}`));
    group.addEventListener("click", () => { if (item.findings.length) choose(item.findings[0], false); else look(item, false); });
    return group;
  }
  function drawThreads(root, finding) {
    if (!finding.item || finding.item.y === undefined) return;
    const end = finding.item.y + Math.max(0, finding.item.end - finding.item.y) / 2;
    finding.led.forEach((item, k) => {
      if (!shown.includes(item)) return;
      const x = gutter - 6, bow = Math.min(40, 12 + 6 * k);
      root.append(svg("path", { d: `M${x} ${item.y}C${x - bow} ${item.y} ${x - bow} ${end} ${x} ${end}`, class: "thread" }));
      root.append(svg("circle", { cx: x, cy: item.y, r: 3.5, class: "thread-end" }));
    });
    root.append(svg("path", { d: `M${gutter - 8} ${end - 5}l8 5l-8 5Z`, class: "thread-end" }));
  }

  // --- the whole time at a glance ---------------------------------------------------------------------------------------

  function overview() {
    const box = $("overview"), wide = Math.max(200, box.clientWidth), bar = 9, lane = bar + 3, top = 14;
    const x = (time) => 4 + (wide - 8) * (time - data.span[0]) / span;
    const tall = top + own * lane + 2;
    const root = svg("svg", { viewBox: `0 0 ${wide} ${tall}`, height: tall });
    for (let k = 0; k < own; k++) root.append(svg("rect", { x: x(data.span[0]), y: top + k * lane, width: x(data.span[1]) - x(data.span[0]), height: bar, class: "base" }));
    for (const s of stages) {
      root.append(svg("rect", { x: x(s.since), y: top + s.lane * lane, width: Math.max(1, x(s.until) - x(s.since)), height: bar, class: stageClass(s.name) },
        svg("title", {}, `${data.lanes[s.lane].name}: ${s.name}, ${clock(s.since)} to ${clock(s.until)}`)));
    }
    for (const [k, since, until] of data.gaps) {
      root.append(svg("rect", { x: x(since), y: k < 0 ? top : top + k * lane, width: Math.max(1, x(until) - x(since)), height: k < 0 ? own * lane : bar, class: "gap" }));
    }
    data.findings.slice().reverse().forEach((finding, r) => {
      const n = data.findings.length - 1 - r;
      if (finding.interface === null) return;
      root.append(svg("g", { class: finding.kind }, svg("path", { d: `M${x(finding.time)} ${top - 1}l-5 -9h10Z`, class: "badge-dot" }), svg("title", {}, `finding ${n + 1}: ${finding.rule}`)));
    });
    const band = svg("rect", { y: 0, height: tall, class: "range" });
    function mark(one, other) { band.setAttribute("x", x(Math.min(one, other))); band.setAttribute("width", Math.abs(x(one) - x(other))); }
    if (range) mark(...range);
    root.append(band);
    function timeAt(event) {
      const box = root.getBoundingClientRect();
      const part = ((event.clientX - box.left) / box.width * wide - 4) / (wide - 8);
      return data.span[0] + span * Math.max(0, Math.min(1, part));
    }
    let began = null;
    root.addEventListener("pointerdown", (event) => { began = event.clientX; root.setPointerCapture(event.pointerId); root.from = timeAt(event); });
    root.addEventListener("pointermove", (event) => { if (began !== null) mark(root.from, timeAt(event)); });
    root.addEventListener("pointerup", (event) => {
      const times = [root.from, timeAt(event)].sort((a, b) => a - b), drawn = Math.abs(event.clientX - began) > 5;
      began = null;
      if (drawn) limit(times);
      else chart.scrollTop = yOf(times[0]) - chart.clientHeight / 2;
    });
    box.replaceChildren(root);
  }

  // --- choosing -----------------------------------------------------------------------------------------------------------

  let here = null;
  function scrollTo(item) { if (item && item.y !== undefined) chart.scrollTop = item.y - chart.clientHeight * 0.45; }
  function tell(item) {
    const number = item.place ? `${data.framed ? "frame" : "line"} ${item.place}` : "";
    const times = item.until > item.time ? ` to ${clock(item.until)}` : "";
    $("told").textContent = `${clock(item.time)}${times}: ${item.words}${item.lost ? "; no answer is seen" : ""}.` +
      `${item.kind === "time" ? "" : ` [${item.kind} ${item.keys}]`} ${data.files.length > 1 && item.file >= 0 ? data.files[item.file] + " " : ""}${number}`;
  }
  function visible(item) { if (item && !shown.includes(item)) { reset(); } }
  function limit(times) {
    range = times;
    filter();
    link(`time=${times.map((t) => t.toFixed(3)).join("-")}`);
    $("told").textContent = `${clock(times[0])} to ${clock(times[1])}: ${shown.length} of ${items.length} events are shown; Esc shows all.`;
  }
  function reset() { range = null; for (const id of ["by-lane", "by-node", "by-kind", "by-rule", "search"]) $(id).value = ""; filter(); }
  function link(words) { try { history.replaceState(null, "", "#" + words); } catch { /* where a page may not change its address */ } }
  function look(item, move = true) {
    here = item;
    visible(item);
    if (move) scrollTo(item);
    tell(item);
    if (item.place) link(`${data.files.length > 1 ? `file=${item.file + 1}&` : ""}${data.framed ? "frame" : "line"}=${item.place}`);
    draw();
  }
  function choose(n, move = true) {
    if (!data.findings[n]) return;
    selected = n;
    const finding = data.findings[n];
    openCard(n, true);
    if (finding) {
      here = null;
      visible(finding.item);
      if (move) scrollTo(finding.item);
      if (finding.item) tell(finding.item);
      link(`finding=${n + 1}`);
    }
    draw();
  }
  cards.forEach((card, n) => card.addEventListener("toggle", () => {
    if (card.open && selected !== n && !matchMedia("print").matches) choose(n);
    else if (!card.open && selected === n) { selected = -1; draw(); }
  }));
  function followHash() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("finding")) return choose(Math.max(0, Math.min(data.findings.length - 1, Number(asked.get("finding")) - 1 || 0)));
    const place = Number(asked.get("frame") || asked.get("line"));
    const file = Number(asked.get("file") || 1) - 1;
    if (place) {
      const found = at([file, place]) || items.filter((i) => i.file === file && i.place && i.place <= place).pop();
      if (found) return look(found);
    }
    if (asked.has("time")) {
      const times = /^(-?[\d.]+)-(-?[\d.]+)$/.exec(asked.get("time"));
      if (times) return limit([Number(times[1]), Number(times[2])].sort((a, b) => a - b));
      const time = Number(asked.get("time"));
      const found = items.reduce((best, i) => (best && Math.abs(best.time - time) <= Math.abs(i.time - time) ? best : i), null);
      if (found) return look(found);
    }
  }
  function neighbour(step) {
    if (!shown.length) return;
    const now = here && shown.includes(here) ? shown.indexOf(here) : selected >= 0 ? shown.indexOf(data.findings[selected].item) : -1;
    look(shown[Math.max(0, Math.min(shown.length - 1, now < 0 ? 0 : now + step))]);
  }
  function magnify(factor) {
    const middle = chart.scrollTop + chart.clientHeight / 2;
    const item = shown.reduce((best, i) => (best && Math.abs(best.y - middle) <= Math.abs(i.y - middle) ? best : i), null);
    zoom = Math.max(0.4, Math.min(byClock ? 5000 : 8, zoom * factor));
    arrange();
    scrollTo(item);
  }
  function rescale() {
    byClock = !byClock;
    zoom = 1;
    $("scale").setAttribute("aria-pressed", String(byClock));
    arrange();
    scrollTo(here || (selected >= 0 ? data.findings[selected].item : null));
  }
  $("in").addEventListener("click", () => magnify(1.5));
  $("out").addEventListener("click", () => magnify(1 / 1.5));
  $("scale").addEventListener("click", rescale);
  $("theme").addEventListener("click", () => {
    const dark = document.documentElement.classList.contains("dark") || (!document.documentElement.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.className = dark ? "light" : "dark";
  });
  for (const id of ["by-lane", "by-node", "by-kind", "by-rule"]) $(id).addEventListener("change", filter);
  let typing = 0;
  $("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(filter, 120); });
  chart.addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); } });
  chart.addEventListener("wheel", (event) => { if (event.ctrlKey) { event.preventDefault(); magnify(event.deltaY < 0 ? 1.2 : 1 / 1.2); } }, { passive: false });
  addEventListener("resize", arrange);
  addEventListener("hashchange", followHash);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") { event.target.blur(); openCard(-1); selected = -1; here = null; reset(); return; }
    if (inField) return;
    const count = data.findings.length;
    const actions = {
      n: () => count && choose((selected + 1) % count), p: () => count && choose((selected - 1 + count) % count),
      "+": () => magnify(1.5), "=": () => magnify(1.5), "-": () => magnify(1 / 1.5), c: rescale, "/": () => $("search").focus(),
    };
    if (event.target === chart || event.target === document.body) {
      actions.ArrowDown = actions.j = () => neighbour(1);
      actions.ArrowUp = actions.k = () => neighbour(-1);
    }
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  matchMedia("print").addEventListener?.("change", () => { drawn = null; draw(); });
  addEventListener("beforeprint", () => { drawn = null; draw(); });

  // --- as a table, and the legend -------------------------------------------------------------------------------------------

  const ROWS = 400;
  let rows = 0;
  function fillTable(anew) {
    if (!$("table").open) return;
    const body = $("table").querySelector("tbody");
    if (anew) { body.replaceChildren(); rows = 0; }
    for (const item of shown.slice(rows, rows + ROWS)) {
      const row = html("tr");
      const place = item.place ? `${data.files.length > 1 ? data.files[item.file] + " " : ""}${data.framed ? "frame" : "line"} ${item.place}` : "";
      const notes = [item.words, item.lost ? "no answer is seen" : "", item.rules.length ? `breaks ${item.rules.join(", ")}` : ""];
      for (const words of [clock(item.time), data.lanes[item.from].name, notes.filter(Boolean).join("; "), item.kind === "time" ? "" : `${item.kind} ${item.keys}`, place]) row.append(html("td", words));
      body.append(row);
    }
    rows = Math.min(shown.length, rows + ROWS);
    $("more").hidden = rows >= shown.length;
  }
  $("table").addEventListener("toggle", () => fillTable(true));
  $("more").addEventListener("click", () => fillTable(false));
  const legend = $("legend");
  for (const name of new Set(stages.map((s) => s.name))) {
    const entry = html("li"), swatch = html("i");
    swatch.style.background = STAGES.includes(name) ? `var(--${name})` : `var(--other-${stageClass(name).slice(2)})`;
    entry.append(swatch, `${name}: ${data.about[name] || (name === "unknown" ? "the trace does not tell" : "")}`);
    legend.append(entry);
  }
  for (const lane of data.lanes.filter((l) => !l.own)) legend.append(html("li", `${lane.name}: ${lane.title}`));

  arrange();
  if (location.hash) followHash();
  else if (cards.length === 1 || (cards.length && innerWidth >= 1080)) {
    openCard(0, false);
    selected = 0;
    scrollTo(data.findings[0].item);
    draw();
  }
  document.documentElement.dataset.ready = "1";
})();
