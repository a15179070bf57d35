// What a member sees beside the composer: a sandboxed frame of the Baraza server, and
// two buttons. Knows nothing of Ember: it is given a draft, and shows what fits it.

const QUIET_MS = 600;
const WAIT_MS = 10000;
const MAX_TITLE = 300;
const MAX_TEXT = 1000;
const MAX_HEIGHT = 4000;

// What may be sent of what is being written: of a new topic that everybody will read;
// null of anything else. A category that does not say whether it is public is not.
export function draftOf(model, beforeCategory) {
  const isNew = Boolean(model?.creatingTopic) && !model.privateMessage;
  const isPublic = model?.category
    ? model.category.read_restricted === false
    : !model?.categoryId && beforeCategory === true;
  if (!isNew || !isPublic) {
    return null;
  }
  return {
    title: (model.title || "").trim().slice(0, MAX_TITLE),
    text: (model.reply || "").trim().slice(0, MAX_TEXT),
  };
}

export default class Panel {
  constructor(place, settings, words) {
    this.settings = settings;
    this.words = words;
    this.sent = null;
    this.draft = null;
    this.dismissed = false;
    this.build(place);
    this.heard = this.heard.bind(this);
    window.addEventListener("message", this.heard);
  }

  build(place) {
    const make = (tag, name, more = {}) => {
      const made = Object.assign(document.createElement(tag), more);
      made.className = name;
      return made;
    };
    this.root = make("section", "baraza", { hidden: true });
    this.root.setAttribute("aria-label", this.words("label"));
    const head = make("div", "baraza__head");
    this.toggle = make("button", "baraza__toggle", { type: "button" });
    this.toggle.addEventListener("click", () => this.open(this.body.hidden));
    const none = make("button", "baraza__none", { type: "button" });
    none.textContent = this.words("none_helps");
    none.addEventListener("click", () => this.dismiss());
    // It scrolls, so a keyboard must get there.
    this.body = make("div", "baraza__body", { tabIndex: 0 });
    this.body.setAttribute("role", "group");
    this.body.setAttribute("aria-label", this.words("label"));
    // Told by a reader's voice; the button itself would be told as a whole.
    this.status = make("p", "baraza__status");
    this.status.setAttribute("role", "status");
    head.append(this.toggle, none);
    this.root.append(head, this.body);
    place.append(this.status, this.root);
    // A phone has no room to spare before it is asked for.
    this.open(!window.matchMedia("(max-width: 40rem)").matches);
  }

  open(isOpen) {
    this.body.hidden = !isOpen;
    this.toggle.setAttribute("aria-expanded", String(isOpen));
  }

  write(draft) {
    clearTimeout(this.timer);
    this.draft = draft;
    const length = draft ? draft.title.length + draft.text.length : 0;
    if (this.dismissed || length < this.settings.minimum_characters) {
      this.hide();
      return;
    }
    this.timer = setTimeout(() => this.ask(), QUIET_MS);
  }

  ask() {
    const key = JSON.stringify(this.draft);
    if (!this.frame) {
      // It asks by itself as soon as it can hear.
      this.load();
    } else if (this.ready && key !== this.sent) {
      this.sent = key;
      // A sandboxed document has no origin that a message could be meant for alone;
      // it is the server's, and its policy lets it send nothing anywhere else.
      this.frame.contentWindow.postMessage(
        { baraza: 1, type: "ask", ...this.draft },
        "*"
      );
    }
  }

  load() {
    const asked = new URLSearchParams();
    for (const kind of this.settings.kinds.split("|").filter(Boolean)) {
      asked.append("kind", kind);
    }
    asked.append("k", this.settings.limit);
    asked.append("ui", document.documentElement.lang);
    const scheme = getComputedStyle(document.documentElement)
      .getPropertyValue("--scheme-type")
      .trim();
    if (scheme === "light" || scheme === "dark") {
      asked.append("scheme", scheme);
    }
    const server = this.settings.server_url.trim().replace(/\/+$/, "");
    this.frame = document.createElement("iframe");
    this.frame.setAttribute(
      "sandbox",
      "allow-scripts allow-popups allow-popups-to-escape-sandbox"
    );
    this.frame.setAttribute("referrerpolicy", "no-referrer");
    this.frame.title = this.words("label");
    this.frame.className = "baraza__frame";
    this.patience = setTimeout(() => this.giveUp(), WAIT_MS);
    this.frame.src = `${server}/widget?${asked}`;
    this.body.append(this.frame);
    this.root.hidden = false;
    this.root.classList.add("baraza--empty");
  }

  heard({ source, origin, data }) {
    if (!this.frame || source !== this.frame.contentWindow || origin !== "null") {
      return;
    }
    if (!data || data.baraza !== 1) {
      return;
    }
    if (data.type === "ready" && !this.ready) {
      clearTimeout(this.patience);
      this.ready = true;
      if (this.draft) {
        this.ask();
      }
    } else if (
      data.type === "size" &&
      Number.isFinite(data.height) &&
      Number.isInteger(data.hits)
    ) {
      this.show(data.height, data.hits);
    }
  }

  show(height, hits) {
    if (!this.sent || hits < 1) {
      this.hide();
      return;
    }
    this.frame.style.height = `${Math.min(Math.max(height, 0), MAX_HEIGHT)}px`;
    const said = this.words("found", { count: hits });
    this.toggle.textContent = said;
    if (this.status.textContent !== said) {
      this.status.textContent = said;
    }
    this.root.classList.remove("baraza--empty");
  }

  // Out of sight, not out of the page: a frame that is not laid out has no height.
  hide() {
    this.root.classList.add("baraza--empty");
    this.status.textContent = "";
    this.sent = null;
  }

  dismiss() {
    this.dismissed = true;
    this.close();
    document.querySelector("#reply-control textarea")?.focus();
  }

  giveUp() {
    // eslint-disable-next-line no-console
    console.info("Baraza: no answer; is the server up, and are we in its origins?");
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.patience);
    window.removeEventListener("message", this.heard);
    this.dismissed = true;
    this.root.remove();
    this.status.remove();
  }
}
