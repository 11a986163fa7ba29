import { ENGLISH, type DashboardMessages } from "./messages.js";
import { CACHE_MS, LoadError, cached, load, type AccessTokenProvider, type DashboardStats, type Loaded, type LoadProblem, type PoolStats } from "./stats.js";
import { STYLE } from "./style.js";

/** The pools that have a card. `general` is in the sums only, as in the dashboard that this one stands in for. */
const SHOWN: readonly PoolStats["tokenType"][] = ["lead_generation", "goal_generation", "strategy_analysis", "forecast"];
const DAY_MS = 86_400_000;

/** The page's HTMLElement; on a server, where there is none, a class that is never made. */
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement);

let sheet: CSSStyleSheet | undefined;

/**
 * `<ltlm-token-dashboard organization-id="acme" plan="pro" base-url="https://…">`: what an organization has of tokens.
 *
 * The property `getAccessToken` gives it its access token. It fires `loadingchange` with a boolean as its detail. Styled by the
 * custom properties `--ltlm-color-…`, `--ltlm-radius`, `--ltlm-font` and `--ltlm-padding`; `theme` is `light`, `dark`, or what the
 * system says. The slot `upgrade` holds what leads to a better plan.
 */
export class TokenDashboardElement extends Base {
  static readonly observedAttributes = ["organization-id", "plan", "base-url", "lang"];

  #provider: AccessTokenProvider | undefined;
  #messages: DashboardMessages = ENGLISH;
  #shown: Loaded | undefined;
  #problem: LoadProblem | undefined;
  #isLoading = false;
  #running: AbortController | undefined;
  #isDue = false;
  #body: HTMLElement | undefined;
  #status: HTMLElement | undefined;
  readonly #online = () => {
    if (this.#problem === "offline") {
      void this.refresh();
    }
  };

  /** Gives the access token. A new function is used by the next call; it does not start one unless none was there. */
  get getAccessToken(): AccessTokenProvider | undefined {
    return this.#provider;
  }

  set getAccessToken(provider: AccessTokenProvider | undefined) {
    const isFirst = this.#provider === undefined;
    this.#provider = provider;
    if (isFirst) {
      this.#start();
    }
  }

  /** The words; what is left out is in English. */
  get messages(): DashboardMessages {
    return this.#messages;
  }

  set messages(messages: Partial<DashboardMessages>) {
    this.#messages = { ...ENGLISH, ...messages };
    this.#render();
  }

  get organizationId(): string {
    return this.getAttribute("organization-id") ?? "";
  }

  set organizationId(id: string) {
    this.setAttribute("organization-id", id);
  }

  /** The organization's plan; `starter` has no tokens and is shown how to get some. */
  get plan(): string {
    return this.getAttribute("plan") ?? "";
  }

  set plan(plan: string) {
    this.setAttribute("plan", plan);
  }

  get baseUrl(): string {
    return this.getAttribute("base-url") ?? "";
  }

  set baseUrl(url: string) {
    this.setAttribute("base-url", url);
  }

  /** Is a call under way? */
  get isLoading(): boolean {
    return this.#isLoading;
  }

  connectedCallback(): void {
    if (this.shadowRoot === null) {
      const root = this.attachShadow({ mode: "open" });
      sheet ??= new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    }
    for (const name of ["getAccessToken", "organizationId", "plan", "baseUrl", "messages"] as const) {
      this.#upgrade(name);
    }
    window.addEventListener("online", this.#online);
    this.#start();
  }

  disconnectedCallback(): void {
    window.removeEventListener("online", this.#online);
    this.#stop();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) {
      return;
    }
    if (name === "organization-id" || name === "base-url") {
      this.#start();
    } else {
      this.#render();
    }
  }

  /** Loads the figures anew. */
  async refresh(): Promise<void> {
    await this.#load();
  }

  /** A property that was set before the element was defined hides the accessor: it is set again. */
  #upgrade(name: "getAccessToken" | "organizationId" | "plan" | "baseUrl" | "messages"): void {
    if (Object.hasOwn(this, name)) {
      const own = this as Record<typeof name, unknown>;
      const value = own[name];
      delete (own as Partial<typeof own>)[name];
      own[name] = value;
    }
  }

  /** Shows what the attributes ask for: what is at hand and young enough, else what is loaded. */
  #start(): void {
    if (!this.isConnected || this.#isDue) {
      return;
    }
    // Attributes that are set together start one call.
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#begin();
    });
  }

  #begin(): void {
    this.#stop();
    this.#problem = undefined;
    this.#shown = cached(this.baseUrl, this.organizationId);
    const isYoung = this.#shown !== undefined && Date.now() - this.#shown.at < CACHE_MS;
    const isReady = this.#provider !== undefined && this.organizationId !== "";
    if (isYoung || !isReady || !this.isConnected) {
      this.#render();
      return;
    }
    void this.#load();
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#loading(false);
  }

  async #load(): Promise<void> {
    const provider = this.#provider;
    if (this.#isLoading || provider === undefined || this.organizationId === "") {
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.#loading(true);
    this.#render();
    try {
      const loaded = await load(this.baseUrl, this.organizationId, provider, running.signal);
      if (running.signal.aborted) {
        return;
      }
      this.#shown = loaded;
      this.#problem = undefined;
    } catch (error) {
      if (running.signal.aborted) {
        return;
      }
      this.#problem = error instanceof LoadError ? error.problem : "unavailable";
    }
    this.#running = undefined;
    this.#loading(false);
    this.#render();
    this.#announce(this.#problem === undefined ? this.#messages.updated : "");
  }

  #loading(isLoading: boolean): void {
    if (this.#isLoading === isLoading) {
      return;
    }
    this.#isLoading = isLoading;
    this.dispatchEvent(new CustomEvent("loadingchange", { detail: isLoading, bubbles: true, composed: true }));
  }

  #announce(text: string): void {
    if (this.#status !== undefined) {
      this.#status.textContent = text;
    }
  }

  #render(): void {
    const root = this.shadowRoot;
    if (root === null) {
      return;
    }
    const words = this.#messages;
    if (this.#body === undefined) {
      this.#body = make("div");
      this.#status = make("div", { class: "unseen", role: "status" });
      const button = make("button", { type: "button" });
      button.addEventListener("click", () => void this.refresh());
      const head = make("header", {}, make("h2", { id: "title" }), button);
      root.replaceChildren(make("section", { "aria-labelledby": "title" }, head, this.#status, this.#body));
    }
    const [title, button] = [root.querySelector("h2"), root.querySelector("button")];
    title?.replaceChildren(words.title);
    button?.replaceChildren(words.refresh);
    // Not `disabled`, which would take the focus away.
    button?.setAttribute("aria-disabled", String(this.#isLoading));
    root.querySelector("section")?.setAttribute("aria-busy", String(this.#isLoading));
    this.#body.replaceChildren(...this.#content());
    if (this.#isLoading) {
      this.#announce(words.loading);
    }
  }

  /** What is there to show: loading, a failure, the way to a better plan, or the figures. */
  #content(): Node[] {
    const words = this.#messages;
    if (this.#shown === undefined) {
      if (this.#problem !== undefined) {
        return [this.#failure(this.#problem)];
      }
      return [this.#skeleton()];
    }
    if (this.plan === "starter") {
      const note = make("div", { class: "note alone" }, make("strong", {}, words.starter), make("p", {}, words.starterHint));
      note.append(make("slot", { name: "upgrade" }));
      return [note];
    }
    const { stats, at } = this.#shown;
    const parts: Node[] = [];
    if (this.#problem !== undefined) {
      const time = new Date(at).toLocaleTimeString(this.#lang(), { hour: "2-digit", minute: "2-digit" });
      parts.push(this.#failure(this.#problem, words.stale(time)));
    }
    if (stats.totalBalance === 0) {
      const note = make("div", { class: "note bad" }, make("strong", {}, words.out), make("p", {}, words.outHint));
      note.append(make("slot", { name: "upgrade" }));
      parts.push(note);
    }
    parts.push(this.#sums(stats), this.#cards(stats));
    return parts;
  }

  #failure(problem: LoadProblem, beside?: string): Node {
    const words = this.#messages;
    const retry = make("button", { type: "button" }, words.retry);
    retry.addEventListener("click", () => void this.refresh());
    const note = make("div", { class: beside === undefined ? "note bad alone" : "note bad", role: "alert" });
    note.append(make("strong", {}, words.unable), make("p", {}, [words.problem[problem], beside ?? ""].join(" ").trim()), make("div", {}, retry));
    return note;
  }

  #skeleton(): Node {
    const box = () => make("div", { class: "skeleton" }, make("span"), make("span"));
    return make("div", { class: "sums", "aria-hidden": "true" }, box(), box(), box());
  }

  #sums(stats: DashboardStats): Node {
    const words = this.#messages;
    const sum = (name: string, value: string) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
    return make(
      "dl",
      { class: "sums" },
      sum(words.available, this.#number(stats.totalBalance)),
      sum(words.used, this.#number(stats.totalUsed)),
      sum(words.resetsIn, stats.refreshDate == null ? words.never : words.days(this.#number(daysUntil(stats.refreshDate)))),
    );
  }

  #cards(stats: DashboardStats): Node {
    const pools = SHOWN.map((type) => stats.byType.find((pool) => pool.tokenType === type)).filter((pool) => pool !== undefined);
    return make("ul", {}, ...pools.map((pool) => make("li", {}, this.#card(pool))));
  }

  #card(pool: PoolStats): HTMLElement {
    const words = this.#messages;
    const name = words.types[pool.tokenType];
    const figure = words.of(this.#number(pool.balance), this.#number(pool.allocated));
    const percent = (pool.percentage / 100).toLocaleString(this.#lang(), { style: "percent" });
    const width = Math.min(Math.max(pool.percentage, 0), 100);
    const fill = make("div", { class: "fill" });
    fill.style.inlineSize = `${width}%`;
    const meter = make(
      "div",
      {
        class: "track",
        role: "meter",
        "aria-label": name,
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": String(width),
        "aria-valuetext": [figure, percent, pool.low ? words.low : ""].filter((word) => word !== "").join(", "),
      },
      fill,
    );
    const tone = pool.low ? "low" : pool.percentage > 50 ? "good" : "warn";
    const badge = pool.low ? [make("span", { class: "badge" }, words.low)] : [];
    return make(
      "article",
      { class: `card ${tone}`, part: "card" },
      make("div", { class: "row" }, make("h3", {}, name), ...badge),
      make("div", { class: "row" }, make("span", { class: "figure" }, figure), make("span", { class: "small" }, words.percent(percent))),
      meter,
      make("span", { class: "small" }, words.usedOf(this.#number(pool.used))),
    );
  }

  #number(value: number): string {
    return value.toLocaleString(this.#lang());
  }

  /** The language that stands on the element or nearest above it. */
  #lang(): string | undefined {
    const lang = this.closest("[lang]")?.getAttribute("lang");
    try {
      return lang == null ? undefined : Intl.getCanonicalLocales(lang)[0];
    } catch {
      return undefined;
    }
  }
}

/** Whole days until an instant, begun ones counted. */
function daysUntil(instant: string): number {
  return Math.max(0, Math.ceil((Date.parse(instant) - Date.now()) / DAY_MS));
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}
