// Asks for the newest figures just after they were read, once a second.
"use strict";
(() => {
  const page = document.getElementById("now");
  const place = document.getElementById("plot");
  const clock = document.getElementById("clock");
  const trouble = document.getElementById("trouble");
  const alerts = document.getElementById("alerts");
  const NONE = "–";
  const EVERY = 1000;
  const STALE = 30 * EVERY;
  let data = [[], [], []];
  let zone = page.dataset.zone;
  let heard = Date.now();

  const write = {
    text: (value) => value,
    number: (value) => value.toLocaleString("en").replaceAll(",", "\u202f"),
    percent: (value) => `${Math.round(value)}\u202f%`,
    duration: (value) => {
      const [h, m, s] = [Math.floor(value / 3600), Math.floor(value / 60) % 60, value % 60].map((each) => String(each));
      return value < 3600 ? `${m}:${s.padStart(2, "0")}` : `${h}:${m.padStart(2, "0")}:${s.padStart(2, "0")}`;
    },
  };

  const plot = plots.follow(place, () =>
    new uPlot(
      {
        ...plots.size(place),
        tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
        cursor: { y: false },
        legend: { show: false },
        padding: [8, 8, 0, 0],
        scales: { y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
        axes: plots.axes({ values: (_, at) => at.map((each) => uPlot.fmtDate("{HH}:{mm}")(uPlot.tzDate(new Date(each * 1e3), zone))) }),
        series: [
          {},
          { fill: plots.colour("--before"), width: 0, points: { show: false } },
          { fill: plots.colour("--accent"), width: 0, paths: plots.bars, points: { show: false } },
        ],
      },
      data,
      place,
    ),
  );

  const fill = (now) => {
    for (const each of page.querySelectorAll("[data-figure]")) {
      const value = now[each.dataset.figure] ?? null;
      each.textContent = value === null ? NONE : write[each.dataset.as ?? "number"](value);
    }
  };

  const show = (now) => {
    heard = Date.now();
    zone = now.zone;
    fill(now);
    const waits = now.longest_wait ?? 0;
    const mark = (name, bad, warn) => {
      const tile = page.querySelector(`[data-tile="${name}"]`);
      tile.classList.toggle("bad", bad);
      tile.classList.toggle("warn", warn && !bad);
    };
    mark("waiting", waits >= 120, waits >= 30);
    for (const name of ["level_hour", "level_today"]) mark(name, now[name] !== null && now[name] < 60, now[name] !== null && now[name] < 80);
    clock.textContent = new Date(now.read_at * 1e3).toLocaleTimeString("en-GB", { timeZone: zone });
    trouble.textContent = now.trouble;
    alerts.hidden = !now.alerts;
    alerts.textContent = `${now.alerts} ${now.alerts === 1 ? "alert" : "alerts"}`;
    if (JSON.stringify(now.plot) !== JSON.stringify(data)) {
      data = now.plot;
      plot().setData(data);
    }
  };

  const look = async () => {
    let next = EVERY;
    try {
      const response = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
      if (response.status === 401) return location.reload();
      const now = await response.json();
      if (response.ok) {
        show(now);
        next = Math.max(100, EVERY - now.age * 1000 + 60);
      } else {
        trouble.textContent = now.trouble;
      }
    } catch {
      trouble.textContent = "No news: the console does not answer.";
    }
    if (Date.now() - heard > STALE) fill({}); // what was once is not now
    setTimeout(look, document.hidden ? 5 * EVERY : next);
  };
  look();
})();
