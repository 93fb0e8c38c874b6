/* A shop's reviews on its own pages. How to put it there: docs/showing.md.
   No cookies, no storage, no other server. What customers wrote is put in as text, never as markup. */
(() => {
  "use strict";
  const script = document.currentScript;
  const home = new URL(".", script.src).href;
  const answers = new Map();

  // What the link says when not even the words can be had.
  const NO_WORDS = { lang: "en", dir: "ltr", read: "Read our reviews" };

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; box-sizing: border-box; overflow: hidden; contain: content;
      height: 1.75rem; font-size: 1rem; line-height: 1.5; text-align: start; }
    :host([data-form=score]) { height: 4rem; }
    :host([data-form=reviews]) { height: 32rem; }
    * { box-sizing: border-box; margin: 0; padding: 0; }
    a { color: inherit; text-underline-offset: .2em; }
    :focus-visible { outline: 2px solid; outline-offset: -2px; border-radius: 3px; }
    .rating { display: inline-flex; align-items: center; gap: .5rem; max-width: 100%; padding: .1rem; white-space: nowrap;
      text-decoration: none; }
    a.rating:hover span { text-decoration: underline; }
    .rating b { font-weight: 600; }
    :host([data-form=score]) .rating { gap: .7rem; }
    :host([data-form=score]) .rating b { font-size: 2.6rem; line-height: 3.8rem; font-weight: 400; }
    .stars { position: relative; direction: ltr; display: inline-block; flex: none; font: 1.15rem/1.5 sans-serif; white-space: nowrap; }
    .stars::before, .stars i::before { content: "★★★★★"; }
    .stars::before { opacity: .28; }
    .stars i { position: absolute; inset: 0 auto 0 0; overflow: hidden; font-style: normal; }
    .box { display: flex; flex-direction: column; height: 100%; border: 1px solid; border-color: rgb(128 128 128 / .4);
      border-radius: .75rem; }
    .top, .foot { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1rem;
      flex: none; padding: .7rem 1.1rem; }
    .foot { font-size: .875rem; }
    .list { flex: auto; overflow: auto; overscroll-behavior: auto; border: solid rgb(128 128 128 / .4);
      border-width: 1px 0; }
    ul { list-style: none; }
    li { padding: 1rem 1.1rem; overflow: hidden; overflow-wrap: anywhere; }
    li + li { border-top: 1px solid rgb(128 128 128 / .25); }
    li > *, div > p { overflow: hidden; }
    .who > * { min-width: 0; }
    .who { display: flex; flex-wrap: wrap; gap: 0 .7rem; align-items: center; font-weight: 600; }
    .text { margin: .25rem 0; white-space: pre-line; }
    .days { font-size: .875rem; }
    .reply { margin-top: .7rem; padding-inline-start: .9rem; border-inline-start: 3px solid rgb(128 128 128 / .4); }
    .reply .days { font-weight: 600; }
  `);

  function make(name, content, more) {
    const element = Object.assign(document.createElement(name), more);
    for (const each of [content].flat()) {
      // Towers of marks on a letter are cut; nothing is written where there is nothing to say.
      if (each) element.append(typeof each === "string" ? each.replace(/(\p{M}{8})\p{M}+/gu, "$1") : each);
    }
    return element;
  }

  function say(message, value) {
    return message.replace(/{{ \w+ }}/, () => value);
  }

  function stars(rating, words, number) {
    const full = make("i", "");
    full.style.width = 20 * rating + "%";
    return make("span", full, { className: "stars", role: "img", ariaLabel: say(words.rating, number) });
  }

  function get(path) {
    if (!answers.has(path)) {
      answers.set(path, fetch(home + path, { credentials: "omit", referrerPolicy: "no-referrer" }).then((answer) => {
        if (!answer.ok) throw new Error(`Afterword: ${answer.status} for ${path}`);
        return answer.json();
      }));
    }
    return answers.get(path);
  }

  function draw(place) {
    if (place.shadowRoot) return;
    const { key, scope = "site", form = "score", height } = place.dataset;
    const root = place.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    place.dataset.form = form;
    if (height) place.style.height = height;

    const lang = (place.closest("[lang]")?.lang || navigator.language).replace(/[^\w-]/g, "") || "en";
    const of = `${encodeURIComponent(key)}/${encodeURIComponent(scope)}`;
    const most = form === "reviews" ? 5 : 0;
    Promise.allSettled([
      get(`widget/${lang}.json`),
      get(`public/v3/reviews/${of}?limit=${most}`),
    ]).then(([said, answer]) => {
      const shown = inWords(said.value ?? NO_WORDS, `${home}k/${of}`);
      if (said.value && answer.value) root.append(most ? shown.box(answer.value) : shown.rating(answer.value.ratings));
      else {
        console.warn(String(said.reason ?? answer.reason));
        root.append(shown.linkAlone());
      }
    });
  }

  function inWords(words, page) {
    const tongue = { lang: words.lang, dir: words.dir };
    const link = (text, to, more) => make("a", text, { href: page + to, ...more });
    const linkAlone = () => link(words.read, "", tongue);
    const day = (text) => {
      const [year, month, date] = text.slice(0, 10).split("-");
      const moment = new Date(Date.UTC(year, month - 1, date));
      return isNaN(moment) ? "" : moment.toLocaleDateString(words.locale, { dateStyle: "long", timeZone: "UTC" });
    };

    function rating({ total, average }) {
      if (!total) return make("span", words.none, { className: "rating", ...tongue });
      const number = average.toLocaleString(words.locale, { minimumFractionDigits: 1 });
      const form = words.reviews[new Intl.PluralRules(words.locale).select(total)] ?? words.reviews.other;
      const count = make("span", say(form, total.toLocaleString(words.locale)));
      const content = [make("b", number, { ariaHidden: "true" }), stars(average, words, number), count];
      return link(content, "", { className: "rating", ...tongue });
    }

    function review(one) {
      const author = make("bdi", one.c || words.customer);
      const days = [say(words.published, day(one.date)), one.odate ? say(words.ordered, day(one.odate)) : words.undated];
      const item = make("li", [
        make("p", [stars(one.r, words, one.r), author], { className: "who" }),
        one.txt && make("p", one.txt, { className: "text", dir: "auto", lang: one.lang || "" }),
        make("p", days.join(" · "), { className: "days" }),
      ]);
      if (one.imported) item.append(make("p", say(words.imported, one.source), { className: "days" }));
      if (one.reply !== "") {
        item.append(make("div", [
          make("p", say(words.replied, day(one.rdate)), { className: "days" }),
          make("p", one.reply, { className: "text", dir: "auto" }),
        ], { className: "reply" }));
      }
      return item;
    }

    function box({ ratings, reviews }) {
      const list = make("div", make("ul", reviews.slice(0, 5).map(review)), {
        className: "list", tabIndex: 0, role: "region", ariaLabel: words.list,
      });
      const top = make("div", [rating(ratings), ratings.total ? link(words.all, "") : ""], { className: "top" });
      const foot = make("div", [make("span", words.sorted), link(words.how, "#how")], { className: "foot" });
      return make("div", [top, list, foot], { className: "box", ...tongue });
    }

    return { rating, box, linkAlone };
  }

  function drawAll() {
    document.querySelectorAll(".afterword[data-key]").forEach(draw);
  }

  if (script.dataset.key) {
    const place = make("div", "", { className: "afterword" });
    Object.assign(place.dataset, script.dataset);
    script.after(place);
    draw(place);
  } else {
    drawAll();
    document.addEventListener("DOMContentLoaded", drawAll);
  }
})();
