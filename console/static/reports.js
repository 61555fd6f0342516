// The plot of a report.
"use strict";
(() => {
  const place = document.getElementById("plot");
  if (!place) return;
  const { names, labels, data } = JSON.parse(place.dataset.plot);
  const colours = ["--accent", "--ring", "--bill"];
  const legend = document.getElementById("legend");
  names.forEach((name, number) => {
    const swatch = document.createElement("i");
    swatch.className = ["now", "ring", "bill"][number % 3];
    legend.append(swatch, ` ${name.replaceAll("_", " ")} `);
  });
  // Of a name as long as it fits; the table has all of it.
  const short = (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
  const x = labels
    ? { splits: () => data[0], values: () => labels.map(short) }
    : { values: (_, at) => at.map((each) => uPlot.fmtDate(place.dataset.byDay ? "{MM}-{DD}" : "{MM}-{DD} {HH}:{mm}")(uPlot.tzDate(new Date(each * 1e3), place.dataset.byDay ? "Etc/UTC" : place.dataset.zone))), space: place.dataset.byDay ? 60 : 96 };
  const beside = (number) => uPlot.paths.bars({ size: [labels ? 0.6 : 0.85, 60], gap: 1, align: 0 });

  plots.follow(place, () =>
    new uPlot(
      {
        ...plots.size(place),
        cursor: { y: false },
        legend: { show: false },
        padding: [8, 8, 0, 0],
        scales: { x: { time: !labels, range: labels ? () => [-0.5, labels.length - 0.5] : undefined }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
        axes: plots.axes(x),
        series: [{}, ...names.map((name, number) => ({ label: name, fill: plots.colour(colours[number % 3]), stroke: plots.colour(colours[number % 3]), width: 0, points: { show: false }, paths: beside(number) }))],
      },
      data,
      place,
    ),
  );
})();
