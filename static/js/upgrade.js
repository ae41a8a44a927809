// A changed choice makes the shown price out of date. A click asks for the new one at once; by the
// keyboard, where arrows pass over every choice, the person presses the button.

const choices = document.querySelector("form[data-choices]");
const price = document.querySelector("[data-price]");
let byPointer = false;

// By invoice the licenses cannot follow the people, so nothing is asked about that.
const isComplete = () =>
  choices.elements.management?.value === "automatic" || choices.elements.licenses.value !== "";

choices?.addEventListener("pointerdown", () => { byPointer = true; });
choices?.addEventListener("keydown", () => { byPointer = false; });

choices?.addEventListener("change", (event) => {
  price.toggleAttribute("data-outdated", true);
  for (const button of price.querySelectorAll("[data-confirm] button")) button.disabled = true;
  if (byPointer && event.target.type === "radio" && isComplete()) choices.requestSubmit();
});

// "Back" may bring an old page with new ticks; the page of the address is what counts.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
