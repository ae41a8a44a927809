// Keys of the support console: "/" goes to the search, up and down go over what was found. Results
// are links, so enter opens one, and everything works without this.

const box = () =>
  document.querySelector("[data-search-main]") || document.querySelector("[data-search-box]");
const results = () => [...document.querySelectorAll("[data-results] [data-result]")];

const isTyping = (element) =>
  element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

const step = (event, by) => {
  const links = results();
  const here = links.indexOf(document.activeElement);
  const fromBox = document.activeElement === box();
  if (here < 0 && !fromBox) return;
  const next = here + by;
  if (next >= links.length) return;
  event.preventDefault();
  if (next >= 0) links[next].focus();
  else if (here >= 0) box().focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "/" && !isTyping(event.target)) {
    const field = box();
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  }
  if (event.key === "ArrowDown") step(event, 1);
  if (event.key === "ArrowUp") step(event, -1);
});
