// What every page can do: the keyboard, dialogs, copying, forms that send themselves.
"use strict";
(() => {
  const typing = (event) => event.target.closest("input, select, textarea, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey;
  const open = (id) => document.getElementById(id)?.showModal();
  let goes = 0;

  document.addEventListener("keydown", (event) => {
    if (typing(event)) return;
    if (event.key === "g") {
      goes = Date.now();
      return;
    }
    if (Date.now() - goes < 1500) {
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) link.click();
      goes = 0;
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      const field = document.querySelector("[data-search]");
      const calls = document.querySelector('nav a[data-key="c"]');
      if (field) field.select();
      else if (calls) location.href = `${calls.href}#search`;
    } else if (event.key === "?") {
      open("keys");
    } else {
      document.querySelector(`[data-key-alone="${CSS.escape(event.key)}"]`)?.click();
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.open) open(button.dataset.open);
    if ("fullscreen" in button.dataset) document.documentElement.requestFullscreen?.();
    if (button.dataset.copy) {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    }
  });

  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());

  if (location.hash === "#search") document.querySelector("[data-search]")?.focus();

  // A page that waits for something looks again until it is there, and changes only what has changed.
  const wait = () => {
    const waits = document.querySelector("[data-look-again]");
    if (waits) setTimeout(look, Number(waits.dataset.lookAgain));
  };
  const look = async () => {
    try {
      const response = await fetch(location.href);
      const text = await response.text();
      const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
      const shown = document.querySelector("main");
      const isAway = response.status === 503; // then it goes on waiting
      if (main && !isAway && main.innerHTML !== shown.innerHTML) shown.replaceWith(document.adoptNode(main));
    } catch {
      // the console is away for a moment: the next look tells
    }
    wait();
  };
  wait();
})();
