// What the theme leaves out: the search has a name, and what scrolls can be reached by keyboard.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
const focusable = () => {
  for (const region of document.querySelectorAll("pre > code, .md-typeset__scrollwrap")) {
    if (!region.hasAttribute("tabindex")) region.tabIndex = 0;
  }
};
focusable();
// The theme wraps tables after the page has loaded, and takes the focus from code that it measures.
new MutationObserver(focusable).observe(document.body, {
  childList: true,
  subtree: true,
  attributeFilter: ["tabindex"],
});
