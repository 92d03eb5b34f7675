// Keeps a page up to date, and adds the reader's own time. Without it, the page shows everything as of when it was loaded.
"use strict";
(() => {
  // Shortest time between two reloads of a page's parts, in ms.
  const RELOAD_EVERY = 1500;
  // Time after which a stream that the server refused is asked for again, in ms.
  const ASK_AGAIN = 10000;

  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

  function addLocalTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0 || time.querySelector(".local")) continue;
      const name = zone.formatToParts(at).find((part) => part.type === "timeZoneName");
      const span = document.createElement("span");
      span.className = "local";
      span.textContent = `${local.format(at)} ${name ? name.value : ""}`.trim();
      time.append(span);
    }
  }

  // What each part was when it came from the server.
  const received = new Map();
  for (const part of document.querySelectorAll("[data-part]")) received.set(part.dataset.part, part.innerHTML);
  addLocalTimes(document);

  const main = document.querySelector("main[data-events]");
  const live = document.getElementById("live");
  if (!main || !window.EventSource) return;

  function replace(part, fresh) {
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    const open = new Set(Array.from(part.querySelectorAll("details[open]"), (it) => it.dataset.key));
    const scrolled = Array.from(part.querySelectorAll(".wide, pre"), (it) => [it.scrollLeft, it.scrollTop]);
    part.innerHTML = fresh;
    for (const details of part.querySelectorAll("details")) details.open = open.has(details.dataset.key);
    part.querySelectorAll(".wide, pre").forEach((it, at) => {
      if (scrolled[at]) [it.scrollLeft, it.scrollTop] = scrolled[at];
    });
    addLocalTimes(part);
    if (focused) {
      const same = Array.from(part.querySelectorAll("a, summary, [tabindex]")).find((it) =>
        href ? it.getAttribute("href") === href : it.tagName === focused.tagName);
      if (same) same.focus({ preventScroll: true });
    }
  }

  let isReloading = false;
  let isStale = false;
  async function reload() {
    if (isReloading) {
      isStale = true;
      return;
    }
    isReloading = true;
    isStale = false;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of document.querySelectorAll("[data-part]")) {
          const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
          if (!other || received.get(part.dataset.part) === other.innerHTML) continue;
          received.set(part.dataset.part, other.innerHTML);
          replace(part, other.innerHTML);
        }
        document.title = fresh.title;
        // A run that has ended needs no events any more.
        const events = fresh.querySelector("main").dataset.events;
        if (!events && source) {
          source.close();
          source = null;
          live.textContent = "This run is over.";
        }
      }
    } catch {
      // The stream says when the server is back.
    }
    setTimeout(() => {
      isReloading = false;
      if (isStale) reload();
    }, RELOAD_EVERY);
  }

  let source = null;
  function listen() {
    source = new EventSource(main.dataset.events);
    source.addEventListener("open", () => { live.textContent = "Up to date"; });
    source.addEventListener("change", () => { if (document.hidden) isStale = true; else reload(); });
    source.addEventListener("error", () => {
      live.textContent = "Not connected. These figures may be old.";
      if (source && source.readyState === EventSource.CLOSED) setTimeout(listen, ASK_AGAIN);
    });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && isStale) reload(); });
  listen();
})();
