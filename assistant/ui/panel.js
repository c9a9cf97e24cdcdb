// Runs once when the source panel is made; `element` is the panel, `trigger` sends an event to the server, `watch` sees its answer.
// Links of the page are plain anchors, because the sanitiser of chat messages keeps those: #cite-…, #article-… and #ask.

document.documentElement.lang = "en";

let followed = null; // the link that was followed last: the reader goes back to it

function follow(link) {
  const href = link.getAttribute("href");
  if (href === "#ask") return trigger("select", { question: link.textContent });
  // Asked for again, the panel does not change, so nothing would scroll to the quote; the server still checks it again.
  if (href === followed) showQuote();
  followed = href;
  return trigger("click", { href });
}

function goBack() {
  const link = [...document.links].find((one) => one.getAttribute("href") === followed && one.checkVisibility());
  const target = link ?? document.querySelector("#question textarea");
  target?.scrollIntoView({ block: "center" });
  target?.focus({ preventScroll: true });
}

// On a narrow screen the page itself scrolls, and the source lies below the conversation.
function stacked() {
  return getComputedStyle(document.getElementById("source-side")).overflowY !== "auto";
}

function onClick(event) {
  if (event.target.closest?.("#source-panel .back")) return goBack();
  const link = event.target.closest?.('a[href^="#cite-"], a[href^="#article-"], a[href="#ask"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  follow(link);
}

// An example looks like a button, so the space bar works on it as well. Escape leads from the source back to its citation.
function onKey(event) {
  if (event.key === "Escape" && element.contains(event.target)) return goBack();
  const link = event.key === " " && event.target.closest?.('a[href="#ask"]');
  if (!link) return;
  event.preventDefault();
  follow(link);
}

// A date typed in part has no value, so the question would be asked without it: the browser says what is missing instead.
function holdBack(event) {
  const asks = event.type === "click"
    ? event.target.closest?.('#send, a[href="#ask"]')
    : event.key === "Enter" && !event.shiftKey && event.target.closest?.("#question");
  const field = asks && [...document.querySelectorAll(".day input")].find((one) => one.validity.badInput);
  if (!field) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!field.checkVisibility()) document.querySelector("#filters button")?.click();
  requestAnimationFrame(() => field.reportValidity());
}

function showQuote() {
  const heading = element.querySelector("#source-title");
  const quote = element.querySelector("#quote");
  if (!heading) return;
  heading.focus({ preventScroll: true });
  const side = document.getElementById("source-side");
  side.scrollTop = 0;
  if (quote) quote.scrollIntoView({ block: "center" });
  else if (stacked()) side.scrollIntoView({ block: "start" });
}

let told = 0;

// A new question and its answer are read from the top: the question is brought there when it is asked and when it is answered.
function followConversation() {
  const questions = document.querySelectorAll("#chat .question");
  const now = questions.length + document.querySelectorAll("#chat :is(.answer, .problem)").length;
  if (now > told) questions[questions.length - 1]?.scrollIntoView({ block: "start" });
  told = now;
}

// Date fields become the browser's own; without this script they take year-month-day as text. And the chat names each message
// by its whole markup, which a screen reader would read out: the message itself is enough.
function improve() {
  for (const field of document.querySelectorAll('.day input:not([type="date"])')) field.type = "date";
  for (const message of document.querySelectorAll("#chat [data-testid][aria-label]")) message.removeAttribute("aria-label");
  followConversation();
}

window.assistantPage?.abort();
window.assistantPage = new AbortController();
const { signal } = window.assistantPage;
for (const type of ["click", "keydown"]) document.addEventListener(type, holdBack, { signal, capture: true });
document.addEventListener("click", onClick, { signal });
document.addEventListener("keydown", onKey, { signal });
const watcher = new MutationObserver(improve);
watcher.observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
signal.addEventListener("abort", () => watcher.disconnect());
improve();
watch("value", () => requestAnimationFrame(showQuote));
