/* Inside the frame: tells the page around it how high it is, and, beside a composer,
   asks for what fits the text that is being written. */
(() => {
  "use strict";
  const main = document.querySelector("main");
  const { origins = "", ask = "" } = main.dataset;
  const allowed = origins.split(" ");
  const tell = (what) => parent.postMessage({ baraza: 1, ...what }, "*");
  const measure = () =>
    tell({
      type: "size",
      height: Math.ceil(main.getBoundingClientRect().height),
      hits: main.querySelectorAll("li").length,
    });

  // Half a character at the end is no text.
  const cut = (text, chars) => text.slice(0, chars).replace(/[\uD800-\uDBFF]$/, "");

  let running = null;
  async function related(title, text) {
    running?.abort();
    const mine = (running = new AbortController());
    let found = "";
    try {
      // As plain text it needs no second request that asks for leave.
      const answer = await fetch("widget/related", {
        method: "POST",
        body: JSON.stringify({ ...JSON.parse(ask), title, text }),
        credentials: "omit",
        signal: mine.signal,
      });
      if (answer.ok) found = await answer.text();
    } catch {
      // Replaced by a newer question, or the server is away: nothing is shown.
    }
    if (mine !== running) return;
    // Written by our own server, all text escaped; scripts in it would not run either.
    main.querySelector(".hits").innerHTML = found;
    measure();
  }

  if (ask)
    addEventListener("message", ({ source, origin, data }) => {
      if (source !== parent || !(allowed.includes("*") || allowed.includes(origin))) return;
      if (!data || data.baraza !== 1 || data.type !== "ask") return;
      if (typeof data.title !== "string" || typeof data.text !== "string") return;
      related(cut(data.title, 300), cut(data.text, 1000));
    });

  new ResizeObserver(measure).observe(main);
  tell({ type: "ready" });
})();
