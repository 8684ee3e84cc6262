// Runs a Code Editor script with the genuine client, offline, and prints what it maps and exports.
// node run_script.js SCRIPT ALGORITHMS: the second is the list of algorithms that the Python wheel ships.
const fs = require('fs');
const vm = require('vm');
const ee = require('@google/earthengine');

const listed = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
ee.data.getAlgorithms = (done) => {
  const registry = {};
  for (const algorithm of listed.algorithms) {
    const signature = {
      name: algorithm.name.replace(/^algorithms\//, ''),
      description: algorithm.description || '',
      returns: algorithm.returnType || '',
      args: (algorithm.arguments || []).map((argument) => {
        const named = {name: argument.argumentName, type: argument.type || '', optional: !!argument.optional};
        if ('defaultValue' in argument) named.default = argument.defaultValue;
        return named;
      }),
    };
    registry[signature.name] = signature;
  }
  return done ? done(registry) : registry;
};
ee.initialize(null, null, () => {
  const layers = [], exports = [], atZoom = {};
  let zoomed = null, centred = 0;
  const sandbox = {
    ee,
    print: () => {},
    Map: {
      centerObject: (region, zoom) => { centred = zoom; },
      addLayer: (image, style, name, shown) => {
        const layer = {name, style, shown, graph: JSON.parse(ee.Serializer.toCloudApiJSON(image))};
        layers.push(layer);
        return {setShown: (now) => { layer.shown = now; }};
      },
      onChangeZoom: (callback) => { zoomed = callback; },
      getZoom: () => centred,
    },
    Export: {image: {toAsset: (task) => exports.push({
      ...task,
      image: JSON.parse(ee.Serializer.toCloudApiJSON(task.image)),
      region: JSON.parse(ee.Serializer.toCloudApiJSON(task.region)),
    })}},
  };
  vm.runInNewContext(fs.readFileSync(process.argv[2], 'utf8'), sandbox, {filename: process.argv[2]});
  for (let zoom = 16; zoom >= 4; zoom--) {  // somebody zooms out
    if (zoomed) zoomed(zoom);
    atZoom[zoom] = layers.filter((layer) => layer.shown).map((layer) => layer.name);
  }
  process.stdout.write(JSON.stringify({layers, exports, centred, atZoom}));
}, (error) => { throw new Error(error); });
