const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };

/** A piece of HTML as its text. */
export function textOf(html) {
  return html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity])
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** What is searched: each heading of a page with the text below it, up to the next one. */
export function sectionsOf(address, content) {
  const parts = content.split(/(?=<h[1-3] id=")/).filter((part) => part.startsWith("<h"));
  const titles = parts.map((part) => /<h(\d) id="([^"]*)">([\s\S]*?)<\/h\1>/.exec(part) ?? []);
  const page = textOf(titles[0]?.[3] ?? address);
  return parts.map((part, index) => {
    const [heading = "", , anchor = "", title = ""] = titles[index];
    return {
      id: index === 0 ? address : `${address}#${anchor}`,
      page,
      title: textOf(title),
      text: textOf(part.slice(heading.length)),
    };
  });
}
