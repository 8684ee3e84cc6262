// The study's own coordinates as Leaflet's, and what a pixel of a picture means.
"use strict";
const Water = { contents: JSON.parse(document.getElementById("contents").textContent) };

/** Make an element with attributes, classes and children; texts stay texts, whatever is in them. */
Water.make = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

/** Return a number as people write it, of a few digits. */
Water.number = (value, digits) => {
  const size = Math.abs(value);
  const places = digits ?? (size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  const text = value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
  return text.replace(/^-(?=[0.]*$)/, "").replace("-", "−");
};

/** Return the study's crs: y is latitude and x longitude to Leaflet; at zoom `levels` a pixel is a pixel. */
Water.crs = (frame) => {
  const side = 1 / (frame.scale * 2 ** frame.levels);
  const [across, down] = frame.metres;
  return L.extend({}, L.CRS.Simple, {
    transformation: new L.Transformation(side, -frame.left * side, -side, frame.top * side),
    distance: (a, b) => Math.hypot((a.lng - b.lng) * across, (a.lat - b.lat) * down),
  });
};

Water.corners = ([left, bottom, right, top]) => L.latLngBounds([bottom, left], [top, right]);

Water.window = (frame) => {
  const { left, top, scale, width, height } = frame;
  return Water.corners([left, top - height * scale, left + width * scale, top]);
};

/** Return a place in degrees, between the points at which they are known; empty where they are not. */
Water.degrees = (frame, x, y) => {
  const { longitude, latitude } = frame.net;
  if (!longitude.length) return "";
  const last = longitude.length - 1;
  const at = (share) => {
    const place = Math.min(Math.max(share * last, 0), last);
    const cell = Math.min(Math.floor(place), last - 1);
    return [cell, place - cell];
  };
  const [i, u] = at((x - frame.left) / (frame.width * frame.scale));
  const [j, v] = at((frame.top - y) / (frame.height * frame.scale));
  const mix = (net) =>
    (net[j][i] * (1 - u) + net[j][i + 1] * u) * (1 - v) + (net[j + 1][i] * (1 - u) + net[j + 1][i + 1] * u) * v;
  const side = (value, plus, minus) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? minus : plus}`;
  const east = ((mix(longitude) + 540) % 360) - 180; // they run on past 180
  return `${side(mix(latitude), "N", "S")}, ${side(east, "E", "W")}`;
};

/** Return what a style's colours mean, by colour. */
Water.meanings = (style) => {
  const known = new Map();
  style.colours.forEach((colour, place) => {
    let text = style.names?.[place];
    if (!style.names) {
      const [low, high] = style.values;
      const value = low + ((high - low) * place) / (style.colours.length - 1);
      text = `${Water.number(value, high - low > 5 ? 0 : 2)}${style.unit ? ` ${style.unit}` : ""}`;
      if (place === style.colours.length - 1 && high > 1 && !style.unit) text += " or more";
    }
    known.set(parseInt(colour.slice(1), 16), text);
  });
  return known;
};

Water.probe = document.createElement("canvas");
Water.probe.width = Water.probe.height = 1;

/** Return the meaning of the picture's pixel at a place, "" where it says nothing, null outside of it. */
Water.read = (picture, image, meanings, x, y) => {
  const [left, bottom, right, top] = picture.bounds;
  if (x < left || x >= right || y <= bottom || y > top || !image?.complete || !image.naturalWidth) return null;
  const column = Math.floor(((x - left) / (right - left)) * picture.size[0]);
  const row = Math.floor(((top - y) / (top - bottom)) * picture.size[1]);
  const pen = Water.probe.getContext("2d", { willReadFrequently: true });
  pen.clearRect(0, 0, 1, 1);
  pen.drawImage(image, column, row, 1, 1, 0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return alpha < 128 ? "" : (meanings.get((red << 16) | (green << 8) | blue) ?? "");
};
