// Searches the pages in the reader's browser; the index came with the site.
const root = document.currentScript.dataset.root;
const field = document.querySelector("#search");
const list = document.querySelector("#found");
let index;

/** Made when it is first asked for: most readers do not search. */
function ready() {
  if (index !== undefined) return index;
  index = new MiniSearch({
    fields: ["title", "page", "text"],
    storeFields: ["page", "title", "text"],
    searchOptions: { boost: { title: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: "AND" },
  });
  index.addAll(globalThis.SECTIONS);
  return index;
}

/** The words around the first match, with the match marked. */
function excerpt(text, terms) {
  const at = Math.min(...terms.map((term) => text.toLowerCase().indexOf(term)).filter((place) => place >= 0));
  const found = terms.find((term) => text.toLowerCase().startsWith(term, at));
  const line = document.createElement("small");
  if (found === undefined) {
    line.textContent = text.slice(0, 120);
    return line;
  }
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, at + found.length);
  line.append(text.slice(Math.max(0, at - 50), at), mark, text.slice(at + found.length, at + 70));
  return line;
}

function row({ id, page, title, text, terms }) {
  const link = document.createElement("a");
  link.href = root + id;
  const name = document.createElement("b");
  name.textContent = title === page ? page : `${page} › ${title}`;
  link.append(name, excerpt(text, terms));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function search() {
  const words = field.value.trim();
  const found = words === "" ? [] : ready().search(words).slice(0, 12);
  const none = document.createElement("li");
  none.textContent = "Nothing has these words.";
  list.replaceChildren(...(found.length > 0 ? found.map(row) : [none]));
  list.hidden = words === "";
}

field.addEventListener("input", search);
field.form.addEventListener("keydown", (event) => {
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "Escape") {
    field.value = "";
    search();
    field.focus();
  } else if (event.key === "ArrowDown") links[at + 1]?.focus();
  else if (event.key === "ArrowUp") (links[at - 1] ?? field).focus();
  else if (event.key === "Enter" && at === -1) links[0]?.click();
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || document.activeElement === field) return;
  event.preventDefault();
  field.focus();
});
