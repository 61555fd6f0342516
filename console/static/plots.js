// Plots by uPlot, in the page's own colours.
"use strict";
window.plots = (() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axes = (extra = {}) => {
    const line = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return [{ ...line, grid: { show: false }, ...extra }, { ...line, size: 48 }];
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
