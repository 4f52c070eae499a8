// Light or dark, before anything is drawn: as the system has it, unless somebody chose.
"use strict";
{
  const chosen = localStorage.getItem("tollgate-scheme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.scheme = chosen;
}
