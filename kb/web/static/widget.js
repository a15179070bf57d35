/* Shows related resources where its script tag stands; data-* attributes say of what.
   Whatever goes wrong, the page around it stays as it is. */
(() => {
  "use strict";
  const WAIT_MS = 10000;
  const AFTER_LOAD_MS = 2000;
  const MAX_CHARS = 1000;
  const MAX_HEIGHT = 4000;
  const TITLES = {
    en: "Related resources",
    es: "Recursos relacionados",
    fr: "Ressources liées",
    pt: "Recursos relacionados",
  };
  const say = (what) => console.info(`Baraza widget: ${what}`);

  // Not the page's query: it may name a visitor or a session.
  const pageUrl = () =>
    document.querySelector("link[rel=canonical]")?.href ||
    location.origin + location.pathname;

  const language = (tag) => tag.dataset.ui || document.documentElement.lang;

  function address(tag) {
    const data = tag.dataset;
    const asked = new URLSearchParams();
    const put = (name, value) => value && asked.append(name, value.slice(0, MAX_CHARS));
    // What is there says what it is about; data-for only where there is more of it.
    const about = data.for || (data.topic ? "topic" : data.text ? "text" : "url");
    if (about === "topic") put("topic_id", data.topic);
    else if (about === "text") {
      put("text", data.text || document.title);
      put("title", data.title);
    } else put("url", data.url || pageUrl());
    for (const name of ["kind", "lang"])
      for (const each of (data[name] || "").split(",")) put(name, each.trim());
    put("k", data.limit);
    put("scheme", data.scheme);
    put("ui", language(tag));
    return new URL(`widget?${asked}`, tag.src).href;
  }

  function show(tag) {
    const src = address(tag);
    const place = tag.dataset.target ? document.querySelector(tag.dataset.target) : null;
    if (tag.dataset.target && !place) return say(`no ${tag.dataset.target} in this page`);
    if (!place && !document.body?.contains(tag)) return say("its tag is not in the body");
    const around = place || tag.parentNode;
    // The tag was included twice: once is enough.
    for (const child of around.children)
      if (child.tagName === "IFRAME" && child.dataset.baraza === src) return undefined;

    const frame = document.createElement("iframe");
    let timer = 0;
    let answered = false;
    const heard = ({ source, origin, data }) => {
      // A sandboxed document has no origin but this.
      if (source !== frame.contentWindow || origin !== "null") return;
      if (!data || data.baraza !== 1 || data.type !== "size") return;
      if (!Number.isFinite(data.height) || !Number.isInteger(data.hits)) return;
      answered = true;
      clearTimeout(timer);
      if (data.hits < 1) return end("nothing related is known");
      frame.style.height = `${Math.min(Math.max(data.height, 0), MAX_HEIGHT)}px`;
    };
    const end = (why) => {
      clearTimeout(timer);
      removeEventListener("message", heard);
      frame.remove();
      say(why);
    };
    const silent = () => end("no answer; is the server up, and may this site show it?");
    addEventListener("message", heard);
    frame.dataset.baraza = src;
    frame.setAttribute(
      "sandbox",
      "allow-scripts allow-popups allow-popups-to-escape-sandbox",
    );
    frame.setAttribute("referrerpolicy", "no-referrer");
    const [spoken] = language(tag).toLowerCase().split(/[-_]/);
    frame.title = tag.dataset.label || TITLES[spoken] || TITLES.en;
    Object.assign(frame.style, { border: 0, display: "block", height: 0, width: "100%" });
    timer = setTimeout(silent, WAIT_MS);
    // An error page loads, too, but says nothing.
    frame.addEventListener(
      "load",
      () => {
        clearTimeout(timer);
        if (!answered) timer = setTimeout(silent, AFTER_LOAD_MS);
      },
      { once: true },
    );
    frame.src = src;
    if (place) place.append(frame);
    else tag.after(frame);
    return undefined;
  }

  const tag = document.currentScript;
  const start = () => {
    try {
      if (tag?.src) show(tag);
      else say("it must be a script tag of its own");
    } catch (error) {
      say(error.message);
    }
  };
  // What it goes into may stand further down.
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
