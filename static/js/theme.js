// Light or dark without loading the page again. The links themselves work without this script.

const YEAR = 365 * 24 * 3600;
const links = document.querySelectorAll("a[data-theme]");

const remember = (theme) => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = theme === "system" ? 0 : YEAR;
  document.cookie = `theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
};

const show = (theme) => {
  if (theme === "system") delete document.documentElement.dataset.bsTheme;
  else document.documentElement.dataset.bsTheme = theme;
  for (const link of links) {
    if (link.dataset.theme === theme) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};

for (const link of links) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    remember(link.dataset.theme);
    show(link.dataset.theme);
  });
}
