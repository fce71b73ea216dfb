// What the theme leaves out for those who use a keyboard or hear the page: boxes that scroll can be reached, and the two
// columns beside the text, and the headings in one of them, say what they are.
for (const box of document.querySelectorAll(".highlight pre, .table-wrapper")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
for (const caption of document.querySelectorAll('p.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "All pages");
document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "On this page");
