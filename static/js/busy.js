// A form is sent once: while its answer is on the way, its buttons say so and cannot be pressed.
// The server refuses or repeats double submits by itself; this only spares people the surprise.

const restorers = new Map();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
  const pressed = event.submitter;
  const text = pressed?.dataset.busyText ? pressed.textContent : null;
  if (text !== null) pressed.textContent = pressed.dataset.busyText;
  // Disabled only after the browser has collected the fields, the pressed button's among them.
  setTimeout(() => {
    for (const button of form.querySelectorAll("[type=submit]")) button.disabled = true;
  });
  restorers.set(form, () => {
    form.removeAttribute("aria-busy");
    if (text !== null) pressed.textContent = text;
    for (const button of form.querySelectorAll("[type=submit]")) button.disabled = false;
  });
});

// A page that comes back out of the browser's memory ("back") must be usable again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const restore of restorers.values()) restore();
  restorers.clear();
});
