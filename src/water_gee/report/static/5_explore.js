// The page's map: begins everything once the page is there.
"use strict";

Water.start = () => {
  const { contents } = Water, { frame, layers } = contents;
  document.querySelector(".explorer").hidden = false;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map("map", {
    crs: Water.crs(frame), minZoom: -2, maxZoom: frame.levels + 4, zoomSnap: 0.25, zoomDelta: 1, attributionControl: false,
    scrollWheelZoom: false, zoomAnimation: !calm, fadeAnimation: !calm, inertia: !calm, maxBounds: Water.window(frame).pad(0.6),
  });
  const go = (bounds) => map.fitBounds(bounds, { animate: false });
  const whole = Water.window(frame);
  const places = [...contents.places.map(({ name, bounds }) => [`Area “${name}”`, Water.corners(bounds)]), ["Whole map", whole]];
  document.querySelector(".places").append(...places.map(([text, bounds]) =>
    Water.make("button", { type: "button", on: { click: () => go(bounds) } }, text)));
  go(whole);
  map.setMinZoom(Math.min(map.getZoom() - 1, 0));
  const home = () => go(places[0][1]);
  home();
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  // The wheel scrolls the page until the map has been chosen.
  map.on("focus", () => map.scrollWheelZoom.enable()).on("blur", () => map.scrollWheelZoom.disable());

  let update = () => {};
  const left = Water.side(map, "left", contents, () => update());
  const right = Water.side(map, "right", contents, () => update());
  const [from, to] = Water.first(layers);
  left.choose(from.place, from.year);
  right.choose(to.place, to.year);
  const divide = Water.swipe(map, left, right);
  divide();

  const readout = document.querySelector(".readout"), cross = document.querySelector(".cross");
  let last = null;
  const tell = (where) => {
    last = where;
    const { lng, lat } = where;
    const place = `${Water.number(lng, frame.decimals)} ${Water.number(lat, frame.decimals)}`;
    const values = [["left", left], ["right", right]].map(([name, side]) => [name, side.at(lng, lat)]).filter(([, text]) => text);
    const parts = [`${frame.crs} ${place}`, Water.degrees(frame, lng, lat), ...values.map(([name, text]) => `${name}: ${text}`)];
    readout.textContent = parts.filter(Boolean).join(" · ");
  };
  map.on("mousemove click", (event) => tell(event.latlng));
  update = () => {
    divide();
    if (last) tell(last);
  };
  // Without a pointer the place is the middle of the map.
  const byKeys = () => !cross.hidden && tell(map.getCenter());
  map.getContainer().addEventListener("keydown", () => { cross.hidden = false; byKeys(); });
  map.getContainer().addEventListener("blur", () => { cross.hidden = true; });
  map.on("mousemove", () => { cross.hidden = true; }).on("moveend", byKeys);

  Water.bodies(map, contents, home);
  document.querySelector(".swap").addEventListener("click", () => {
    const [a, b] = [left, right].map((side) => [Number(side.layerMenu.value), side.yearMenu.value]);
    left.choose(...b);
    right.choose(...a);
  });
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  Water.map = map;
};

/** Return what the two sides show first: the map of the first and of the last year, or else imagery and labels. */
Water.first = (layers) => {
  const find = (...ids) => layers.findIndex((layer) => ids.some((id) => layer.id === id || layer.id.startsWith(`${id}.`)));
  const years = (place) => Object.keys(layers[place].years);
  const water = find("maps.water");
  if (water >= 0 && years(water).length > 1) return [{ place: water, year: years(water)[0] }, { place: water, year: years(water).at(-1) }];
  const last = (place) => ({ place, year: years(place).at(-1) });
  const imagery = Math.max(find("tiles.infrared", "tiles.natural"), 0);
  const other = [water, find("agreement", "tiles.agreement"), find("tiles.clean"), find("tiles.raw")].find((place) => place >= 0) ?? imagery;
  return [last(imagery), last(other)];
};

Water.start();
