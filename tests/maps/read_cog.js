// Reads GeoTIFFs whole, every level, with the geotiff.js of a name: node read_cog.js MODULE FILE...
const name = process.argv[2];
const { readFileSync } = require("fs");

async function levels(geotiff, path) {
  const bytes = readFileSync(path);
  const file = await geotiff.fromArrayBuffer(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const found = [];
  for (let level = 0; level < (await file.getImageCount()); level++) {
    const image = await file.getImage(level);
    const [values] = await image.readRasters();
    let sum = 0, empty = 0;
    const nodata = image.getGDALNoData();
    for (const value of values) {
      if (Number.isNaN(value) || value === nodata) empty += 1;
      else sum += value;
    }
    found.push({ width: image.getWidth(), height: image.getHeight(), sum, empty, bounds: level ? null : image.getBoundingBox() });
  }
  return found;
}

import(name).then(async (geotiff) => {
  const all = {};
  for (const path of process.argv.slice(3)) all[path] = await levels(geotiff, path);
  console.log(JSON.stringify(all));
});
