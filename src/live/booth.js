// What a visitor sees of the photo booth. The kernel computes: `ask` puts a question to booth.py, awaits the answer.

const PART = 2 ** 21; // bytes of a message; servers refuse those above 10 MB
const LARGEST = 2 ** 28; // bytes of a file
const LIVE_PX = 640; // width of the pictures that the running camera sends
const REFUSALS = {
  NotAllowedError: "The camera was refused: allow it beside the page's address, or choose a photo",
  NotFoundError: "There is no camera: plug one in, or choose a photo",
  NotReadableError: "The camera gives no picture: close the programs that use it, or choose a photo",
};
const FACE = "the face", READ = "what the emotion network reads"; // pictures of the chosen face
const PAGE = `
  <div class="row">
    <label class="button main">Choose photos<input name="files" type="file" multiple accept="image/*,.heic"></label>
    <button name="camera">Camera</button> <button name="server">Camera of the server</button>
    <span class="hint">or drop them here, or try:</span> <span name="examples" class="row"></span>
    <span class="choices row"><label>networks <select name="networks"></select></label>
      <label>run by <select name="backends"></select></label></span>
  </div>
  <p name="busy" role="status" hidden></p>
  <div name="notes" role="log"></div>
  <div class="columns" name="seen" hidden>
    <div>
      <div name="stage"><video name="video" muted playsinline hidden></video></div>
      <div name="shooting" class="row" hidden><button name="shoot" class="main">Take a photo</button>
        <button name="stop">Stop the camera</button> <span name="rate" class="hint"></span></div>
    </div>
    <div name="lens" hidden>
      <h4 name="title"></h4>
      <div name="shares"></div>
      <div name="bench">
        <div name="views"></div>
        <label>blur <input name="blur" type="range" min="0" max="4" step="0.1"></label>
        <label>dark <input name="dark" type="range" min="0" max="0.95" step="0.01"></label>
        <label>turn <input name="turn" type="range" min="-60" max="60" step="1"></label>
        <div class="row"><button name="rest">As it was</button>
          <button name="look">Where do the networks look?</button></div>
      </div>
    </div>
  </div>
  <div name="results" hidden>
    <div name="cards"></div>
    <div class="row"><button name="board">Save board</button> <button name="save">Save table</button>
      <button name="clear">Clear</button></div>
    <details><summary>Table</summary><div name="table"></div></details>
  </div>`;

const percent = (share) => `${Math.round(100 * share)}%`;
const caption = (face) => `${face.face}: ${face.emotion} ${percent(face.confidence)}${face.sure ? "" : " ?"}`;
const fileOf = (bytes, type) => URL.createObjectURL(new Blob([bytes], { type }));

function node(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "rect", "circle", "text"].includes(tag);
  const it = document.createElementNS(`http://www.w3.org/${drawn ? "2000/svg" : "1999/xhtml"}`, tag);
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  it.append(...children);
  return it;
}

function render({ model, el }) {
  const offer = model.get("offer"), waiting = new Map();
  let sources = [], queue = Promise.resolve(), chosen, stream, wanted, asking, looked;
  el.classList.add("booth");
  el.innerHTML = PAGE;
  const the = Object.fromEntries([...el.querySelectorAll("[name]")].map((it) => [it.getAttribute("name"), it]));

  function ask(question, buffers = []) {
    const id = crypto.getRandomValues(new Uint32Array(2)).join();
    model.send({ ...question, id }, undefined, buffers);
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }
  function answered(answer, pictures) {
    const { resolve, reject } = waiting.get(answer.id) ?? {};
    waiting.delete(answer.id);
    answer.problem ? reject?.(Error(answer.problem)) : resolve?.([answer, pictures]);
  }
  const say = (words, kind = "problem") => the.notes.append(node("p", { class: kind }, words));

  /** One step after the other; what goes wrong is said, and the next is done all the same. */
  function work(words, step) {
    queue = queue.then(async () => {
      the.busy.textContent = words;
      the.busy.hidden = false;
      await step().catch((error) => say(error.message));
      the.busy.hidden = true;
    });
    return queue;
  }

  // ------------------------------------------------------------ pictures

  function overlay(faces, left, top, width, height) {
    const svg = node("svg", { viewBox: `${left} ${top} ${width} ${height}` });
    const px = width / (the.stage.clientWidth || width); // px of the picture to one of the screen
    for (const { box: [x, y, right, bottom], points, ...face } of faces) {
      const side = right - x, size = Math.max(side / 9, 13 * px), r = Math.max(side / 55, Math.min(2 * px, side / 25));
      const dots = points.map(([cx, cy], i) => node("circle", { cx, cy, r, class: offer.parts[i] }));
      const place = { x: Math.max(x, left), y: Math.max(y - size / 3, top + size), "font-size": size };
      const rect = node("rect", { x, y, width: side, height: bottom - y });
      svg.append(node("g", {}, rect, ...dots, node("text", place, caption(face))));
    }
    return svg;
  }
  function overFace(face) {
    const [x, y, right, bottom] = face.box;
    return overlay([face], x, y, right - x, bottom - y);
  }

  function bars(face) {
    const rows = offer.emotions.flatMap((name, i) => {
      const bar = node("i", { class: name === face.emotion ? "most" : "", style: `width: ${percent(face.shares[i])}` });
      return [node("span", {}, name), node("div", {}, bar), node("span", {}, percent(face.shares[i]))];
    });
    return node("div", { class: "bars" }, ...rows);
  }

  function stage(picture, { faces, width, height }) {
    the.seen.hidden = false;
    the.stage.style.maxWidth = `${(62 * width) / height}vh`;
    the.stage.replaceChildren(the.video, ...picture);
    the.stage.append(overlay(faces, -0.5, -0.5, width, height));
  }
  function showPhoto(photo) {
    stopCamera();
    const { url: src, name: alt, width, height } = photo;
    stage([node("img", { src, alt, width, height })], photo);
    the.stage.querySelectorAll("g").forEach((box, i) => (box.onclick = () => choose(photo.faces[i])));
    the.lens.hidden = !photo.faces.length;
  }

  async function read(question, name) {
    const [photo, [jpeg, ...crops]] = await ask(question);
    Object.assign(photo, { name, url: fileOf(jpeg, "image/jpeg") });
    if (photo.note) say(`${name}: ${photo.note}`);
    photo.faces.forEach((face, i) => {
      const picture = node("div", {}, node("img", { src: fileOf(crops[i], "image/jpeg"), alt: "" }), overFace(face));
      const card = node("button", { title: name }, picture, node("b", {}, caption(face)), bars(face));
      card.onclick = () => choose(face);
      the.cards.append(card);
      Object.assign(face, { photo, card, number: photo.first + i });
    });
    the.table.innerHTML = photo.table;
    the.results.hidden = false;
    showPhoto(photo);
    if (photo.faces.length) await choose(photo.faces[0]);
  }

  // ------------------------------------------------------------ where photos come from

  /** Remembers how a photo is read: other networks will read it again. */
  function take(name, source) {
    sources.push([name, source]);
    return work(`The networks read ${name} …`, source);
  }
  const takeFile = (file) => take(file.name, async () => {
    if (file.size > LARGEST) throw Error(`${file.name} has more than ${LARGEST / 2 ** 20} MB: give it smaller`);
    const bytes = await file.arrayBuffer().catch(() => {
      throw Error(`${file.name} cannot be opened: give files, no folder`);
    });
    for (let number = 0; number * PART < bytes.byteLength; number++)
      await ask({ ask: "part", number }, [bytes.slice(number * PART, (number + 1) * PART)]);
    await read({ ask: "file", name: file.name }, file.name);
  });
  the.files.onchange = () => {
    [...the.files.files].forEach(takeFile);
    the.files.value = "";
  };
  el.ondragover = el.ondragleave = el.ondrop = (event) => {
    event.preventDefault();
    el.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") [...event.dataTransfer.files].forEach(takeFile);
  };
  the.server.hidden = !offer.camera;
  the.server.onclick = () => take("the camera's picture", () => read({ ask: "server" }, "camera"));
  offer.examples.forEach(([name, picture], number) => {
    const button = node("button", { title: name }, node("img", { src: fileOf(picture, "image/png"), alt: name }));
    button.onclick = () => take(name, () => read({ ask: "example", number }, name));
    the.examples.append(button);
  });

  // ------------------------------------------------------------ the browser's camera

  the.camera.onclick = async () => {
    the.camera.disabled = true;
    try {
      if (!navigator.mediaDevices) throw Error("the browser lends it to https pages alone");
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
      the.video.srcObject = stream;
      await the.video.play();
      the.video.hidden = the.shooting.hidden = false;
      the.bench.hidden = the.lens.hidden = true;
      stage([], { faces: [], width: the.video.videoWidth, height: the.video.videoHeight });
      await watch(stream);
    } catch (error) {
      say(REFUSALS[error.name] ?? `The camera does not run (${error.message}): choose a photo`);
      the.stop.onclick();
    }
  };
  function still(width) {
    const { videoWidth, videoHeight } = the.video, scale = Math.min(1, width / videoWidth);
    const canvas = node("canvas", { width: Math.round(videoWidth * scale), height: Math.round(videoHeight * scale) });
    canvas.getContext("2d").drawImage(the.video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  }
  /** Frame for frame: the next one is sent when the last is answered. */
  async function watch(camera) {
    for (let start = performance.now(); stream === camera; start = performance.now()) {
      const [found] = await ask({ ask: "frame" }, [await (await still(LIVE_PX)).arrayBuffer()]);
      if (stream !== camera) return;
      stage([], found);
      const [nearest] = found.faces.sort((a, b) => b.box[2] - b.box[0] - a.box[2] + a.box[0]);
      the.lens.hidden = !nearest;
      if (nearest) showAnswer(nearest);
      await new Promise(requestAnimationFrame);
      the.rate.textContent = `${(1000 / (performance.now() - start)).toFixed(1)} pictures a second`;
    }
  }
  function stopCamera() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = undefined;
    the.video.hidden = the.shooting.hidden = true;
    the.camera.disabled = false;
  }
  the.shoot.onclick = async () => takeFile(new File([await still(4000)], "camera.jpg"));
  the.stop.onclick = () => {
    stopCamera();
    the.seen.hidden = !chosen;
    if (chosen) choose(chosen);
  };

  // ------------------------------------------------------------ one face

  function showAnswer(face) {
    the.title.textContent = caption(face);
    the.shares.replaceChildren(bars(face));
  }
  function frame(name) {
    const picture = node("img", { alt: name });
    the.views.append(node("figure", {}, node("div", {}, picture), node("figcaption", {}, name)));
    return picture;
  }
  function view(name, png, ...over) {
    const picture = the.views.querySelector(`[alt="${name}"]`) ?? frame(name);
    URL.revokeObjectURL(picture.src);
    picture.src = fileOf(png, "image/png");
    picture.parentNode.replaceChildren(picture, ...over);
  }

  /** Its answer and the frames of its pictures stand at once: nothing moves below them when the kernel has answered. */
  function choose(face) {
    chosen?.card.classList.remove("chosen");
    chosen = face;
    face.card.classList.add("chosen");
    if (the.stage.querySelector("img")?.src !== face.photo.url) showPhoto(face.photo);
    the.bench.hidden = false;
    showAnswer(face);
    looked = the.views.replaceChildren();
    [FACE, READ].forEach(frame);
    return rest();
  }
  const sliders = [the.blur, the.dark, the.turn];
  function changes() {
    const [blur, dark, turn] = sliders.map((slider) => +slider.value);
    return { number: chosen.number, face: chosen.face, blur, light: 1 - dark, turn };
  }

  /** The answer to the sliders as they are now; what they were meanwhile is passed over. */
  async function move() {
    wanted = true;
    if (asking) return;
    asking = true;
    try {
      while (wanted && chosen) {
        wanted = false;
        const [face, pictures] = await ask({ ask: "face", ...changes() });
        showAnswer(face);
        view(FACE, pictures[0], overFace(face));
        view(READ, pictures[1]);
      }
    } catch (error) {
      say(error.message);
    } finally {
      asking = false;
    }
  }
  const look = () => work("The networks are asked where they look …", async () => {
    const face = chosen;
    if (!face) return;
    const [{ names }, pictures] = await ask({ ask: "look", ...changes() });
    if (face !== chosen) return;
    names.forEach((name, i) => view(name, pictures[i]));
    looked = true;
  });
  function rest() {
    for (const slider of sliders) slider.value = 0;
    if (looked) look();
    return move();
  }
  the.look.onclick = look;
  the.rest.onclick = rest;
  for (const slider of sliders) {
    slider.oninput = move;
    slider.onchange = () => looked && look();
  }

  // ------------------------------------------------------------ choices

  const save = (board) => work("It is saved …", async () => {
    const [{ name, path }, [content]] = await ask({ ask: "save", board });
    say(`Saved as ${path}`, "done");
    node("a", { href: fileOf(content, ""), download: name }).click();
  });
  the.board.onclick = () => save(true);
  the.save.onclick = () => save(false);

  function empty() {
    stopCamera();
    chosen = undefined;
    the.seen.hidden = the.lens.hidden = the.results.hidden = true;
    for (const it of [the.cards, the.notes, the.table]) it.replaceChildren();
  }
  the.clear.onclick = () => work("", async () => {
    empty();
    sources = [];
    await ask({ ask: "clear" });
  });
  function change() {
    work("Other networks are loaded …", async () => {
      empty();
      await ask({ ask: "choose", networks: the.networks.value, backend: the.backends.value });
    });
    for (const [name, source] of sources) work(`The networks read ${name} …`, source);
  }
  function fill(select, names) {
    select.replaceChildren(...names.map((it) => node("option", {}, it)));
    select.parentNode.hidden = names.length < 2;
  }
  fill(the.networks, Object.keys(offer.backends));
  const fillBackends = () => fill(the.backends, offer.backends[the.networks.value]);
  fillBackends();
  the.backends.onchange = change;
  the.networks.onchange = () => {
    fillBackends();
    change();
  };

  model.on("msg:custom", answered);
  return () => {
    stopCamera();
    model.off("msg:custom", answered);
  };
}

export default { render };
