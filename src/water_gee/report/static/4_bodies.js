// Water bodies: their outlines on the map, a list to search, and the series of the one that is chosen.
"use strict";

Water.bodies = (map, contents, home) => {
  const { list, all } = contents.bodies;
  const series = document.querySelector(".panel .chart"), title = document.querySelector(".panel h3");
  const note = document.querySelector(".panel .note"), back = document.querySelector(".panel .back");
  const part = document.querySelector(".bodies");
  const areas = contents.areas.map((one) => ({
    year: one.year, value: one.water, low: one.water_low, high: one.water_high,
    unseen: `${Water.number(one.unseen ?? 0)} km²`, partly: !one.complete,
  }));
  let chosen = null;

  const whole = () => {
    chosen?.outline.setStyle(chosen.look).getElement()?.classList.remove("chosen");
    chosen?.button.removeAttribute("aria-pressed");
    chosen = null;
    back.hidden = true;
    title.textContent = "The whole area";
    note.textContent = areas.length ? `Water in the map, with the 95 % interval of what was seen.${Water.hollow(areas)}` : "There are no maps to show an area of.";
    if (areas.length) Water.series(series, "Water by year", areas);
    else series.replaceChildren();
  };

  const choose = (entry, fromMap) => {
    whole();
    chosen = entry;
    const { body, outline, button } = entry;
    outline.setStyle({ color: "#d1006c", weight: 3, opacity: 1 }).bringToFront();
    outline.getElement()?.classList.add("chosen");
    button.setAttribute("aria-pressed", "true");
    back.hidden = false;
    title.textContent = body.name || body.id;
    const years = body.years.map(([year, value, low, high, unseen, complete]) =>
      ({ year, value, low, high, unseen: `${Water.number(100 * unseen, unseen && unseen < 0.1 ? 1 : 0)} %`, partly: !complete }));
    note.textContent = `${body.kind}${body.name ? `, ${body.id}` : ""}. ${Water.changed(body)}${Water.hollow(years)}`;
    Water.series(series, `Water of ${body.name || body.id} by year`, years);
    if (fromMap) {
      const view = button.closest(".list");
      view.scrollTop = button.offsetTop - view.clientHeight / 2;
      return;
    }
    map.fitBounds(Water.corners(body.bounds).pad(0.25), { maxZoom: contents.frame.levels + 1, animate: false });
    const box = map.getContainer().getBoundingClientRect();
    if (box.top < 0 || box.bottom > window.innerHeight) map.getContainer().closest(".stage").scrollIntoView({ block: "start" });
  };

  back.addEventListener("click", () => { whole(); home(); });
  whole();
  if (!list.length) {
    part.hidden = true;
    return;
  }
  const outlines = L.layerGroup();
  const entries = list.map((body) => {
    const points = (ring) => Array.from({ length: ring.length / 2 }, (_, place) => [ring[2 * place + 1], ring[2 * place]]);
    const look = { color: body.kind === "river" ? "#12707a" : "#0d2c49", weight: 1.2, opacity: 0.85, fill: true, fillOpacity: 0 };
    const outline = L.polygon(body.outline.map((polygon) => polygon.map(points)), { ...look, bubblingMouseEvents: false });
    const change = Water.make("span", { class: body.sure ? "change sure" : "change" }, body.change === null ? "" : Water.signed(body.change));
    const name = Water.make("span", { class: "name" }, body.name || body.id, Water.make("small", {}, body.name ? `${body.kind}, ${body.id}` : body.kind));
    const button = Water.make("button", { type: "button" }, name, change);
    const entry = { body, outline, button, look, item: Water.make("li", {}, button), text: `${body.name} ${body.id} ${body.kind}`.toLowerCase() };
    button.addEventListener("click", () => choose(entry, false));
    outline.on("click", () => choose(entry, true));
    outlines.addLayer(outline);
    return entry;
  });
  const box = part.querySelector(".list"), search = part.querySelector("input[type=search]"), order = part.querySelector("select");
  const count = part.querySelector(".count");
  const orders = {
    change: (a, b) => Math.abs(b.body.change ?? 0) - Math.abs(a.body.change ?? 0),
    gain: (a, b) => (b.body.change ?? 0) - (a.body.change ?? 0),
    loss: (a, b) => (a.body.change ?? 0) - (b.body.change ?? 0),
    area: (a, b) => b.body.largest - a.body.largest,
  };
  if (list.every((body) => body.change === null)) {
    [...order.options].filter((one) => one.value !== "area").forEach((one) => one.remove());
  }
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = entries.filter((entry) => entry.text.includes(wanted)).sort(orders[order.value]);
    box.replaceChildren(...found.map((entry) => entry.item));
    count.textContent = `${found.length} of ${all} water bodies${list.length < all ? `; the page holds the ${list.length} of most change or size, bodies/bodies.csv all` : ""}`;
  };
  search.addEventListener("input", show);
  order.addEventListener("change", show);
  const tick = document.querySelector(".outlines input");
  tick.closest("label").hidden = false;
  tick.addEventListener("change", () => (tick.checked ? outlines.addTo(map) : outlines.remove()));
  outlines.addTo(map);
  // Far out, lines as wide as rivers would hide them.
  const thin = () => {
    const far = map.getZoom() < contents.frame.levels;
    entries.forEach((entry) => {
      entry.look = { ...entry.look, weight: far ? 0.6 : 1.2, opacity: far ? 0.6 : 0.85 };
      if (entry !== chosen) entry.outline.setStyle(entry.look);
    });
  };
  map.on("zoomend", thin);
  thin();
  show();
};

Water.signed = (value) => `${value > 0 ? "+" : ""}${Water.number(value)} km²`;

/** Say what a dot is of which only the rim is drawn, where there is one. */
Water.hollow = (years) => years.some((one) => one.partly && one.value !== null)
  ? " A hollow dot: more than a twentieth was not seen, so that the year must not be compared." : "";

/** Say how a body changed, and whether that is more than its uncertainty. */
Water.changed = (body) => {
  if (body.change === null) return "There are no two years in which it was seen well enough to compare.";
  const years = body.years.filter((one) => one[5] && one[1] !== null).map((one) => one[0]);
  const span = `from ${years[0]} to ${years[years.length - 1]}`;
  return `${Water.signed(body.change)} ${span}, ${body.sure ? "more than its uncertainty" : "within its uncertainty"}.`;
};
