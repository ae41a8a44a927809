// Presses the one button of a page that has nothing to ask, so that nobody has to.

document.querySelector("form[data-go-on]")?.requestSubmit();
