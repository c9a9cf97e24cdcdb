// Runs once when the list of articles is made: a click on a column heading sorts by it, and the focus stays on that heading.

let sorted = null;

element.addEventListener("click", (event) => {
  const heading = event.target.closest("button[data-sort]");
  if (!heading) return;
  sorted = heading.dataset.sort.replace(/^-/, "");
  trigger("click", { order: heading.dataset.sort });
});

watch("value", () =>
  requestAnimationFrame(() => {
    if (sorted) element.querySelector(`th.${sorted} button`)?.focus();
    sorted = null;
  }),
);
