// The plot of a report over time.
"use strict";
(() => {
  const place = document.getElementById("plot");
  const { data, colours } = JSON.parse(place.dataset.plot);
  const byDay = Boolean(place.dataset.byDay);
  const shades = { now: "--accent", ring: "--ring", before: "--before" };
  const zone = byDay ? "Etc/UTC" : place.dataset.zone;
  const written = uPlot.fmtDate(byDay ? "{MM}-{DD}" : "{MM}-{DD} {HH}:{mm}");
  const x = { values: (_, at) => at.map((each) => written(uPlot.tzDate(new Date(each * 1e3), zone))), space: byDay ? 60 : 96 };
  const column = (name) => ({ fill: plots.colour(shades[name]), width: 0, points: { show: false }, paths: plots.bars });

  plots.follow(place, () =>
    new uPlot(
      {
        ...plots.size(place),
        cursor: { y: false },
        legend: { show: false },
        padding: [8, 8, 0, 0],
        tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
        scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
        axes: plots.axes(x),
        series: [{}, ...colours.map(column)],
      },
      data,
      place,
    ),
  );
})();
