// Light, dark, or as the system has it.

const NAME = "tollgate-scheme";

/** What was chosen; empty where the system decides. */
export function chosenScheme() {
  return document.documentElement.dataset.scheme ?? "";
}

/** Chooses; empty leaves it to the system. */
export function chooseScheme(scheme) {
  if (scheme) {
    localStorage.setItem(NAME, scheme);
    document.documentElement.dataset.scheme = scheme;
  } else {
    localStorage.removeItem(NAME);
    delete document.documentElement.dataset.scheme;
  }
}

/** Whether the page is dark now. */
export function isDark() {
  const chosen = chosenScheme();
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
