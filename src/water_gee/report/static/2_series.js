// A value by year with its interval: a small chart, and the same as a table for who cannot see it.
"use strict";

Water.svg = (name, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** Return marks between 0 and at least `most`, at most five, at round numbers. */
Water.marks = (most) => {
  const rough = (most || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  return Array.from({ length: Math.ceil((most || 1) / step - 1e-9) + 1 }, (_, place) => place * step);
};

/** Fill a box with a series; `years` are {year, value, low, high, unseen (a text)}, values in km2 or null. */
Water.series = (box, title, years) => {
  const width = 420, height = 210, left = 52, right = 14, top = 12, bottom = 30;
  const values = years.flatMap((one) => [one.value, one.high]).filter((one) => one !== null && one !== undefined);
  const marks = Water.marks(Math.max(...values, 0));
  const first = years[0].year, last = years[years.length - 1].year;
  const x = (year) => first === last ? (left + width - right) / 2
    : left + 26 + ((width - left - right - 52) * (year - first)) / (last - first);
  const y = (value) => height - bottom - ((height - top - bottom) * value) / marks[marks.length - 1];
  const chart = Water.svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "series", role: "img" });
  chart.append(Water.svg("title", {}, `${title}: ${years.map(Water.sentence).join("; ")}`));
  const digits = marks.length > 1 ? Math.max(0, Math.ceil(-Math.log10(marks[1]) - 1e-9) + (/25/.test(marks[1]) ? 1 : 0)) : 0;
  for (const mark of marks) {
    chart.append(Water.svg("line", { class: "grid", x1: left, x2: width - right, y1: y(mark), y2: y(mark) }));
    chart.append(Water.svg("text", { class: "mark", x: left - 7, y: y(mark) + 4, "text-anchor": "end" }, Water.number(mark, digits)));
  }
  const known = years.filter((one) => one.value !== null && one.value !== undefined);
  const apart = 36; // the least between two years that are written
  let written = -apart;
  for (const { year } of years) {
    if (x(year) - written < apart || (year !== last && x(last) - x(year) < apart)) continue;
    written = x(year);
    chart.append(Water.svg("text", { class: "mark", x: x(year), y: height - 9, "text-anchor": "middle" }, String(year)));
  }
  if (known.length > 1)
    chart.append(Water.svg("polyline", { class: "run", points: known.map((one) => `${x(one.year)},${y(one.value)}`).join(" ") }));
  for (const one of known) {
    if (one.low !== null && one.low !== undefined) {
      chart.append(Water.svg("line", { class: "interval", x1: x(one.year), x2: x(one.year), y1: y(one.low), y2: y(one.high) }));
      for (const end of [one.low, one.high])
        chart.append(Water.svg("line", { class: "interval", x1: x(one.year) - 5, x2: x(one.year) + 5, y1: y(end), y2: y(end) }));
    }
    chart.append(Water.svg("circle", { class: one.partly ? "dot partly" : "dot", cx: x(one.year), cy: y(one.value), r: 4.5 },
      Water.svg("title", {}, Water.sentence(one))));
  }
  const row = (one) => Water.make("tr", {},
    Water.make("th", { scope: "row" }, String(one.year)),
    Water.make("td", {}, one.value === null ? "–" : Water.number(one.value)),
    Water.make("td", {}, one.low === null || one.low === undefined ? "–" : `${Water.number(one.low)} – ${Water.number(one.high)}`),
    Water.make("td", {}, one.unseen));
  const head = ["Year", "Water, km²", "95 % interval", "Not seen"].map((text) => Water.make("th", { scope: "col" }, text));
  const table = Water.make("table", { class: "numbers" }, Water.make("thead", {}, Water.make("tr", {}, ...head)),
    Water.make("tbody", {}, ...years.map(row)));
  box.replaceChildren(chart, Water.make("div", { class: "scroll" }, table));
};

/** Return a year in words. */
Water.sentence = (one) => {
  if (one.value === null || one.value === undefined) return `${one.year}: not seen`;
  const interval = one.low === null || one.low === undefined ? "" : `, 95 % interval ${Water.number(one.low)} to ${Water.number(one.high)}`;
  return `${one.year}: ${Water.number(one.value)} km²${interval}`;
};
