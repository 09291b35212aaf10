// @vladmandic/human in a process of its own; it speaks as worker.py does. Run by node, its packages lie in .venv-peers.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const packages = new URL("../.venv-peers/node_modules/", import.meta.url);
const library = new URL("@vladmandic/human/dist/human.node-wasm.js", packages);
const { Human } = createRequire(import.meta.url)(fileURLToPath(library));

const POINTS = 468;
const EMOTIONS = ["angry", "disgust", "sad", "happy", "surprise"]; // the study's five, in its order

console.log = console.error; // what the library prints is no answer
globalThis.fetch = async (url) => new Response(readFileSync(fileURLToPath(url))); // node's own fetches no files

const off = { enabled: false };
const human = new Human({
  backend: "wasm",
  wasmPath: fileURLToPath(new URL("@tensorflow/tfjs-backend-wasm/dist/", packages)),
  modelBasePath: new URL("@vladmandic/human/models/", packages).href,
  cacheSensitivity: 0, // every picture is another face
  face: {
    detector: { maxDetected: 1, minConfidence: 0.1, rotation: false },
    emotion: { minConfidence: 0 },
    iris: off, description: off, antispoof: off, liveness: off,
  },
  filter: off, body: off, hand: off, object: off, gesture: off, segmentation: off,
});

/** uint8 (n, side, side) of a .npy file. */
function load(file) {
  const bytes = readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const [, count, side] = /'shape': \((\d+), (\d+)/.exec(bytes.toString("latin1", 10, start)).map(Number);
  return Array.from({ length: count }, (_, i) => ({ side, grey: bytes.subarray(start + i * side ** 2) }));
}

/** Rows of numbers as a .npy file of float32. */
function save(file, rows, shape) {
  const head = `\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(127) + "\n";
  writeFileSync(file, Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(Float32Array.from(rows.flat()).buffer)]));
}

/** RGB with a border of a quarter, repeated from the edge: with it more faces are found, on validation faces. */
function framed({ side, grey }) {
  const edge = Math.round(side / 4), wide = side + 2 * edge;
  const inside = (i) => Math.min(Math.max(i - edge, 0), side - 1);
  const rgb = new Uint8Array(3 * wide ** 2);
  for (let i = 0; i < wide ** 2; i++) {
    rgb.fill(grey[inside(Math.floor(i / wide)) * side + inside(i % wide)], 3 * i, 3 * i + 3);
  }
  return { rgb, wide, edge };
}

/** Points, px of the 96x96 frame, and probabilities; NaN where no face is found. */
async function read(face) {
  const { rgb, wide, edge } = framed(face);
  const picture = human.tf.tensor3d(rgb, [wide, wide, 3], "int32");
  const found = (await human.detect(picture)).face[0];
  human.tf.dispose(picture);
  if (!found) return { mesh: Array(2 * POINTS).fill(NaN), five: EMOTIONS.map(() => NaN) };
  const px = (share) => (96 * (share * wide - edge)) / face.side - 0.5;
  const score = Object.fromEntries(found.emotion.map((it) => [it.emotion, it.score]));
  return {
    mesh: found.meshRaw.slice(0, POINTS).flatMap(([x, y]) => [px(x), px(y)]),
    five: EMOTIONS.map((name) => score[name] ?? 0),
  };
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
await human.load();
say({ ready: "human" });
for await (const line of createInterface({ input: process.stdin })) {
  const [file, folder] = JSON.parse(line);
  const faces = load(file), found = [];
  const start = performance.now();
  for (const face of faces) found.push(await read(face));
  const seconds = (performance.now() - start) / 1e3;
  if (folder) {
    save(`${folder}/mesh_px.npy`, found.map((it) => it.mesh), [found.length, POINTS, 2]);
    save(`${folder}/probabilities.npy`, found.map((it) => it.five), [found.length, EMOTIONS.length]);
  }
  say({ seconds });
}
