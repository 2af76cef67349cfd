"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const language = document.getElementById("language");

  function otherTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    return dark ? "light" : "dark";
  }

  function name() {
    const chinese = root.dataset.lang === "zh";
    const words = chinese ? { dark: "深色", light: "浅色" } : { dark: "Dark", light: "Light" };
    theme.textContent = words[otherTheme()];
    language.textContent = chinese ? "English" : "中文";
    language.lang = chinese ? "en" : "zh";
    root.lang = chinese ? "zh" : "en";
  }

  theme.addEventListener("click", () => {
    root.dataset.theme = otherTheme();
    name();
  });
  language.addEventListener("click", () => {
    root.dataset.lang = root.dataset.lang === "zh" ? "en" : "zh";
    name();
  });
  root.dataset.lang = navigator.language.startsWith("zh") ? "zh" : "en";
  theme.hidden = language.hidden = false;
  name();
})();
