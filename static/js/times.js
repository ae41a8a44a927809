// A day says its exact time on hover. Fingers do not hover: a tap puts the exact time in its place.

document.addEventListener("click", (event) => {
  const time = event.target.closest?.("time[title]");
  if (!time || event.target.closest("a, button, summary, label")) return;
  [time.textContent, time.title] = [time.title, time.textContent];
});
