// The two sides of the map: what each shows, its legend, and the swipe between them.
"use strict";

/** Return one side: it draws the chosen layer and year into its own pane of the map. */
Water.side = (map, name, contents, onChange) => {
  const { layers, styles, frame } = contents;
  const pane = map.createPane(`side-${name}`);
  pane.style.zIndex = name === "left" ? 250 : 251;
  const box = document.querySelector(`.side[data-side="${name}"]`);
  const [layerMenu, yearMenu] = box.querySelectorAll("select");
  const legend = document.querySelector(`.legend[data-side="${name}"]`);
  const served = document.documentElement.dataset.tiles;
  let drawn = [];
  const groups = new Map();
  layers.forEach((layer, place) => {
    if (!groups.has(layer.group)) {
      groups.set(layer.group, Water.make("optgroup", { label: layer.group }));
      layerMenu.append(groups.get(layer.group));
    }
    groups.get(layer.group).append(Water.make("option", { value: place }, layer.title));
  });
  const side = { pane, layerMenu, yearMenu };

  side.layer = () => layers[Number(layerMenu.value)];

  side.draw = () => {
    const layer = side.layer();
    const pictures = layer.years[yearMenu.value] ?? [];
    drawn.forEach((one) => one.overlay.remove());
    drawn = pictures.map((picture) => {
      const options = { pane: `side-${name}`, alt: `${layer.title} ${yearMenu.value}`.trim(), className: "pixels" };
      return { picture, overlay: L.imageOverlay(picture.src, Water.corners(picture.bounds), options).addTo(map) };
    });
    if (served && layer.tiles) {
      const address = `${served}${layer.tiles}/${yearMenu.value || "all"}/{z}/{x}/{y}.png`;
      const bounds = Water.window(frame);
      const options = { pane: `side-${name}`, bounds, minZoom: -10, maxZoom: frame.levels + 5, minNativeZoom: 0, maxNativeZoom: frame.levels, className: "pixels" };
      drawn.push({ overlay: L.tileLayer(address, options).addTo(map) });
    }
    side.meanings = layer.style === null ? null : Water.meanings(styles[layer.style]);
    side.explain();
    side.sharpen();
    onChange();
  };

  /** Choose a layer, and the year where it has it, else its last. */
  side.choose = (place, year) => {
    layerMenu.value = String(place);
    const years = Object.keys(layers[place].years);
    yearMenu.replaceChildren(...years.map((one) => Water.make("option", { value: one }, one || "all years")));
    yearMenu.value = years.includes(year) ? year : years[years.length - 1];
    yearMenu.disabled = years.length < 2;
    side.draw();
  };

  /** Pixels are shown as they are where they are larger than the screen's, and smoothed where they are smaller. */
  side.sharpen = () => {
    const coarse = 2 ** (map.getZoom() - frame.levels) * side.layer().step;
    pane.classList.toggle("sharp", coarse >= 1);
  };

  side.explain = () => {
    const layer = side.layer(), style = styles[layer.style];
    const parts = [Water.make("b", {}, `${layer.title}${yearMenu.value ? `, ${yearMenu.value}` : ""}`)];
    const swatch = (colour) => {
      const made = Water.make("i", { class: "swatch" });
      made.style.backgroundColor = colour;
      return made;
    };
    if (style?.names) {
      parts.push(Water.make("ul", {}, ...style.names.map((text, place) => Water.make("li", {}, swatch(style.colours[place]), text))));
    } else if (style) {
      const [low, high] = style.values.map((one) => `${Water.number(one, 0)}${style.unit ? ` ${style.unit}` : ""}`);
      parts.push(Water.make("span", { class: "ramp" }, low, Water.make("span", { class: "bar" }, ...style.colours.map(swatch)), high));
    }
    const served_too = served && layer.tiles;
    const thinned = layer.step > 1 && !served_too ? ` Here every ${layer.step} × ${layer.step} pixels are one; water-gee serve shows all.` : "";
    parts.push(Water.make("small", {}, layer.text + thinned));
    legend.replaceChildren(...parts);
  };

  /** Return what the side shows at a place: a class or a value, or "" where it shows nothing or a picture. */
  side.at = (x, y) => {
    if (!side.meanings) return "";
    for (const { picture, overlay } of drawn) {
      const text = picture ? Water.read(picture, overlay.getElement(), side.meanings, x, y) : null;
      const { step } = side.layer(); // the picture in the page is read, not the server's tiles of every pixel
      if (text) return step > 1 ? `${text} (of ${step} × ${step} pixels)` : text;
    }
    return "no data";
  };

  layerMenu.addEventListener("change", () => side.choose(Number(layerMenu.value), yearMenu.value));
  yearMenu.addEventListener("change", side.draw);
  map.on("zoomend", side.sharpen);
  return side;
};

/** Let the slider say how much of the left side is seen. */
Water.swipe = (map, left, right) => {
  const slider = document.querySelector(".swipe"), line = document.querySelector(".divider");
  const thumb = 44; // pixels, as in the style sheet
  const update = () => {
    const size = map.getSize(), corner = map.containerPointToLayerPoint([0, 0]), end = corner.add(size);
    const at = thumb / 2 + (size.x - thumb) * (slider.value / slider.max);
    const middle = slider.value === slider.min ? corner.x : slider.value === slider.max ? end.x : corner.x + at;
    const box = (from, to) => `polygon(${from}px ${corner.y}px, ${to}px ${corner.y}px, ${to}px ${end.y}px, ${from}px ${end.y}px)`;
    left.pane.style.clipPath = box(corner.x, middle);
    right.pane.style.clipPath = box(middle, end.x);
    line.style.left = `${at}px`;
    slider.setAttribute("aria-valuetext", `${Math.round((100 * slider.value) / slider.max)} % left: ${left.layerMenu.selectedOptions[0].text}, else ${right.layerMenu.selectedOptions[0].text}`);
  };
  slider.addEventListener("input", update);
  map.on("move zoom zoomend viewreset resize", update);
  return update;
};
