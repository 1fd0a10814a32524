// Swagger UI knows dark by a class; the reader's system says which.
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const apply = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
apply();
dark.addEventListener('change', apply);
