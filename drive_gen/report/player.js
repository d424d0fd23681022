'use strict';
// The replay player: one canvas, two time lines. All data is in the page; nothing is fetched.
// Motion comes as whole centimetres and milliradians, first value then differences; see replay_data.py.
(() => {
  const report = JSON.parse(document.getElementById('data').textContent);
  if (!report.episodes.length) return;
  const get = (id) => document.getElementById(id);
  const canvas = get('view'), pen = canvas.getContext('2d');
  const colours = {
    ground: '#171c1f', asphalt: '#343940', paint: '#dee2e6', opposing: '#ecbe4c', car: '#abb5c2', truck: '#8896a8',
    obstacle: '#d68a3a', ego: '#40beff', crashed: '#eb484d', glass: '#1f262f', rim: '#101316', egoRim: '#f5faff',
    ghost: '#d29bff',
  };
  const TTC_TOP = 10;
  const state = { shown: [], episode: null, time: 0, playing: false, last: null };

  // --- data -------------------------------------------------------------------------------------------------
  const summed = (steps, scale) => { let sum = 0; return steps.map((step) => (sum += step) / scale); };
  const decode = (piece) => ({ ...piece, x: summed(piece.x, 100), y: summed(piece.y, 100), h: summed(piece.h, 1000) });
  const seconds = (times) => times.map((time) => time / 1000);

  function open(entry) {
    if (!entry.ready) {
      const data = entry.data;
      entry.ready = {
        t: seconds(data.t), ego: data.ego.map(decode), others: data.others.map(decode),
        camera: [summed(data.camera[0], 100), summed(data.camera[1], 100), summed(data.camera[2], 1000)],
        speed: data.speed.map((value) => value / 100), ttc: data.ttc, actions: data.actions,
        ghosts: Object.fromEntries(Object.entries(entry.ghosts).map(([name, ghost]) =>
          [name, { t: seconds(ghost.t), ego: ghost.ego.map(decode) }])),
      };
    }
    return entry.ready;
  }

  // The frame at or before a time, and the share of the way to the next one.
  function placeAt(times, time) {
    let low = 0, high = times.length - 1;
    if (time >= times[high]) return [high, 0];
    while (high - low > 1) { const middle = (low + high) >> 1; if (times[middle] <= time) low = middle; else high = middle; }
    return [low, Math.max(0, time - times[low]) / (times[high] - times[low] || 1)];
  }

  const between = (values, frame, share) =>
    values[frame] + (share && frame + 1 < values.length ? share * (values[frame + 1] - values[frame]) : 0);

  function pose(piece, frame, share) {
    const place = frame - piece.from;
    if (place < 0 || place >= piece.x.length) return null;
    return { x: between(piece.x, place, share), y: between(piece.y, place, share), h: between(piece.h, place, share),
      crashed: piece.crash !== null && frame >= piece.crash };
  }

  // --- drawing ----------------------------------------------------------------------------------------------
  function fitCanvas() {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    return ratio;
  }

  function trace(points) {
    pen.beginPath();
    for (let at = 0; at < points.length; at += 2) pen.lineTo(points[at], points[at + 1]);
  }

  function drawRoad(road, metre) {
    pen.lineJoin = 'round';
    pen.strokeStyle = colours.asphalt;
    for (const lane of road.lanes) { pen.lineWidth = lane.w + 0.02; trace(lane.p); pen.stroke(); }
    for (const line of road.lines) {
      pen.strokeStyle = line.s === 'opposing' ? colours.opposing : colours.paint;
      pen.lineWidth = Math.max(0.16, 1.2 * metre);
      pen.setLineDash(line.s === 'divider' ? [3, 6] : []);
      trace(line.p);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  function box(x, y, length, width, radius, colour) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(x - length / 2, y - width / 2, length, width, radius);
    pen.fill();
  }

  function quad(front, frontHalf, back, backHalf, colour) {
    pen.fillStyle = colour;
    trace([front, -frontHalf, front, frontHalf, back, backHalf, back, -backHalf]);
    pen.fill();
  }

  function drawCar(piece, at, isEgo) {
    const { l, w } = piece, half = w / 2, truck = piece.k === 'truck' || (piece.k === 'car' && l > 7);
    const radius = piece.k === 'obstacle' ? 0.1 : Math.min(0.32 * w, 0.2 * l), rim = isEgo ? 0.3 : 0.12;
    const plain = truck ? colours.truck : colours[piece.k] || colours.car;
    pen.save();
    pen.translate(at.x, at.y);
    pen.rotate(at.h);
    box(0, 0, l + 2 * rim, w + 2 * rim, radius + rim, isEgo ? colours.egoRim : colours.rim);
    box(0, 0, l, w, radius, at.crashed ? colours.crashed : isEgo ? colours.ego : plain);
    if (truck) quad(l / 2 - 0.3, 0.76 * half, l / 2 - 1, 0.86 * half, colours.glass);
    else if (piece.k === 'car') {
      quad(0.24 * l, 0.84 * half, 0.05 * l, 0.66 * half, colours.glass);
      quad(-0.28 * l, 0.64 * half, -0.39 * l, 0.78 * half, colours.glass);
    }
    if (at.crashed) drawCross(w);
    pen.restore();
  }

  function drawCross(width) {
    pen.strokeStyle = '#ffffff';
    pen.lineWidth = 0.14 * width;
    const arm = 0.32 * width;
    pen.beginPath();
    pen.moveTo(-arm, -arm); pen.lineTo(arm, arm); pen.moveTo(-arm, arm); pen.lineTo(arm, -arm);
    pen.stroke();
  }

  function drawGhost(ghost, time, metre) {
    const [frame, share] = placeAt(ghost.t, time);
    for (const piece of ghost.ego) {
      const at = pose(piece, frame, share);
      if (!at) continue;
      pen.save();
      pen.translate(at.x, at.y);
      pen.rotate(at.h);
      pen.strokeStyle = colours.ghost;
      pen.lineWidth = 2 * metre;
      pen.setLineDash([6 * metre, 4 * metre]);
      pen.beginPath();
      pen.roundRect(-piece.l / 2, -piece.w / 2, piece.l, piece.w, 0.5);
      pen.globalAlpha = 0.25; pen.fillStyle = colours.ghost; pen.fill();
      pen.globalAlpha = 1; pen.stroke();
      pen.restore();
    }
  }

  function draw() {
    const ratio = fitCanvas(), ready = open(state.episode), [frame, share] = placeAt(ready.t, state.time);
    const scale = Math.min(Math.max(canvas.width / 95, 4.2 * ratio), 11 * ratio), metre = ratio / scale;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = colours.ground;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const [x, y, heading] = ready.camera.map((values) => between(values, frame, share));
    pen.translate(canvas.width * 0.38, canvas.height / 2);
    pen.scale(scale, scale);
    pen.rotate(-heading);
    pen.translate(-x, -y);
    drawRoad(report.roads[state.episode.road], metre);
    for (const piece of ready.others) { const at = pose(piece, frame, share); if (at) drawCar(piece, at, false); }
    const ghost = ready.ghosts[get('ghost').value];
    if (ghost) drawGhost(ghost, state.time, metre);
    let crashed = false;
    for (const piece of ready.ego) {
      const at = pose(piece, frame, share);
      if (at) { drawCar(piece, at, true); crashed = at.crashed; }
    }
    get('crash').hidden = !crashed;
    showNumbers(ready, frame, share);
  }

  function showNumbers(ready, frame, share) {
    const end = ready.t[ready.t.length - 1], ttc = ready.ttc[frame];
    const decided = ready.actions.filter(([at]) => at <= frame).pop();
    get('r-time').textContent = `${state.time.toFixed(1)} of ${end.toFixed(1)} s`;
    get('r-speed').textContent = `${between(ready.speed, frame, share).toFixed(1)} m/s`;
    get('r-ttc').textContent = ttc === null ? `none below ${TTC_TOP} s` : `${ttc.toFixed(1)} s`;
    get('r-action').textContent = decided ? report.actions[decided[1]].replace('_', ' ') : '–';
    const scrub = get('scrub');
    scrub.value = String(Math.round(1000 * state.time / (end || 1)));
    scrub.setAttribute('aria-valuetext', `${state.time.toFixed(1)} seconds`);
    const along = 1000 * state.time / (end || 1);
    for (const id of ['line-speed', 'line-ttc']) {
      get(id).querySelector('.cursor').setAttribute('d', `M${along} 0V90`);
    }
  }

  // --- time lines -------------------------------------------------------------------------------------------
  // A path through the known values; a gap where one is null.
  function curve(times, values, top) {
    const end = times[times.length - 1] || 1;
    let path = '', drawing = false;
    values.forEach((value, at) => {
      if (value === null) { drawing = false; return; }
      const point = `${(1000 * times[at] / end).toFixed(1)} ${(86 - 82 * Math.min(value, top) / top).toFixed(1)}`;
      path += drawing ? `L${point}` : `M${point}h.1`;
      drawing = true;
    });
    return path;
  }

  function showLines(ready) {
    const top = Math.max(10, Math.ceil(Math.max(...ready.speed) / 10) * 10);
    drawLine('line-speed', curve(ready.t, ready.speed, top), top);
    drawLine('line-ttc', curve(ready.t, ready.ttc, TTC_TOP), TTC_TOP);
    get('line-ttc').querySelector('.danger').setAttribute('d', `M0 86H1000V${86 - 82 * 2 / TTC_TOP}H0Z`);
  }

  function drawLine(id, path, top) {
    const line = get(id);
    line.querySelector('.curve').setAttribute('d', path);
    line.querySelector('.grid').setAttribute('d', 'M0 4H1000M0 45H1000M0 86H1000');
    line.parentElement.querySelector('.top').textContent = String(top);
    line.parentElement.querySelector('.bottom').textContent = '0';
  }

  // --- playing ----------------------------------------------------------------------------------------------
  const lastTime = () => { const times = open(state.episode).t; return times[times.length - 1]; };

  function seek(time) {
    state.time = Math.min(Math.max(time, 0), lastTime());
    draw();
  }

  function setPlaying(playing) {
    if (playing && state.time >= lastTime()) state.time = 0;
    state.playing = playing;
    state.last = null;
    get('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    get('play-icon').setAttribute('d', playing ? 'M4 3h4v14H4zM12 3h4v14h-4z' : 'M5 3l12 7-12 7z');
    if (playing) requestAnimationFrame(tick);
  }

  function tick(now) {
    if (!state.playing) return;
    // A page in the background gets no frames: a long pause must not become a leap.
    if (state.last !== null) seek(state.time + Math.min((now - state.last) / 1000, 0.25) * Number(get('rate').value));
    state.last = now;
    if (state.time >= lastTime()) setPlaying(false); else requestAnimationFrame(tick);
  }

  function step(frames) {
    setPlaying(false);
    const times = open(state.episode).t, [frame, share] = placeAt(times, state.time + 1e-6);
    const next = frame + frames + (frames < 0 && share > 1e-3 ? 1 : 0);
    seek(times[Math.min(Math.max(next, 0), times.length - 1)]);
  }

  function changeRate(by) {
    const rate = get('rate');
    rate.selectedIndex = Math.min(Math.max(rate.selectedIndex + by, 0), rate.options.length - 1);
  }

  // --- choosing ---------------------------------------------------------------------------------------------
  function choose(entry) {
    const playing = state.playing;
    state.episode = entry;
    state.time = 0;
    const ready = open(entry), ghost = get('ghost'), wanted = ghost.value;
    ghost.replaceChildren(new Option('none', ''), ...Object.keys(ready.ghosts).map((name) => new Option(name, name)));
    if (wanted in ready.ghosts) ghost.value = wanted;
    else if ('log' in ready.ghosts) ghost.value = 'log';
    ghost.disabled = !Object.keys(ready.ghosts).length;
    for (const button of get('episodes').children) {
      button.setAttribute('aria-pressed', String(button.dataset.number === String(report.episodes.indexOf(entry))));
    }
    showLines(ready);
    setPlaying(playing);
    draw();
  }

  function episodeButton(entry) {
    const button = document.createElement('button'), title = document.createElement('b');
    const facts = document.createElement('span');
    button.type = 'button';
    button.dataset.number = String(report.episodes.indexOf(entry));
    title.textContent = entry.title;
    facts.textContent = entry.facts;
    const driver = document.createElement('small');
    driver.textContent = ` ${entry.driver}`;
    button.append(title, driver);
    if (entry.tag) {
      const tag = document.createElement('i');
      tag.className = 'tag';
      tag.textContent = ` ${entry.tag}`;
      button.append(tag);
    }
    button.append(facts);
    button.addEventListener('click', () => choose(entry));
    return button;
  }

  function listEpisodes() {
    const driver = get('driver').value;
    state.shown = report.episodes.filter((entry) => !driver || entry.driver === driver);
    get('episodes').replaceChildren(...state.shown.map(episodeButton));
    choose(state.shown[0]);
  }

  function neighbour(by) {
    const place = state.shown.indexOf(state.episode) + by;
    if (place >= 0 && place < state.shown.length) choose(state.shown[place]);
  }

  // --- input ------------------------------------------------------------------------------------------------
  const keys = {
    ' ': () => setPlaying(!state.playing), ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    Home: () => { setPlaying(false); seek(0); }, End: () => { setPlaying(false); seek(lastTime()); },
    '+': () => changeRate(1), '=': () => changeRate(1), '-': () => changeRate(-1),
    ArrowUp: () => neighbour(-1), ArrowDown: () => neighbour(1),
  };

  function onKey(event) {
    const own = event.target.closest('select, input, summary, pre, .scroll');
    const pressed = event.target.closest('button') && event.key === ' ';  // space presses a focused button
    if (own || pressed || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    // Away from the player the arrows and the space bar scroll the page, as everywhere.
    if (event.target !== document.body && !get('player').contains(event.target)) return;
    if (event.target === document.body && !onScreen() && event.key !== '+' && event.key !== '-') return;
    event.preventDefault();
    keys[event.key]();
  }

  function onScreen() {
    const box = canvas.getBoundingClientRect();
    return box.top < window.innerHeight && box.bottom > 0;
  }

  function seekByClick(event) {
    const line = event.currentTarget.getBoundingClientRect();
    seek(lastTime() * (event.clientX - line.left) / line.width);
  }

  // #episode=2&t=3.5&play opens the second episode at 3.5 s, playing.
  function followHash() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const entry = report.episodes[Number(wanted.get('episode')) - 1];
    if (entry) { get('driver').value = entry.driver; listEpisodes(); choose(entry); }
    if (wanted.has('t')) seek(Number(wanted.get('t')) || 0);
    if (wanted.has('play')) setPlaying(true);
  }

  get('driver').replaceChildren(new Option('all drivers', ''), ...report.drivers.map((name) => new Option(name, name)));
  get('driver').value = report.episodes[0].driver;
  get('driver').addEventListener('change', listEpisodes);
  get('play').addEventListener('click', () => setPlaying(!state.playing));
  get('back').addEventListener('click', () => step(-1));
  get('forward').addEventListener('click', () => step(1));
  get('scrub').addEventListener('input', (event) => { setPlaying(false); seek(lastTime() * event.target.value / 1000); });
  get('ghost').addEventListener('change', () => draw());
  for (const id of ['line-speed', 'line-ttc']) get(id).addEventListener('click', seekByClick);
  document.addEventListener('keydown', onKey);
  window.addEventListener('resize', () => draw());
  listEpisodes();
  followHash();
})();
