// Plots by uPlot, in the page's own colours.
"use strict";
window.plots = (() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : value.toLocaleString("en").replaceAll(",", "\u202f"));
  const axes = (extra = {}) => {
    const line = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return [{ ...line, grid: { show: false }, size: 30, ...extra }, { ...line, size: 48, values: (_, at) => at.map(short) }];
  };
  const bars = uPlot.paths.bars({ size: [0.82, 40], gap: 1 });
  const size = (place) => ({ width: place.clientWidth, height: Math.max(240, Math.min(420, window.innerHeight * 0.3)) });

  // Follow the page's width, and its colours.
  const follow = (place, make) => {
    let plot = make();
    new ResizeObserver(() => plot.setSize(size(place))).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      plot.destroy();
      plot = make();
    });
    return () => plot;
  };
  return { colour, axes, bars, size, follow };
})();
