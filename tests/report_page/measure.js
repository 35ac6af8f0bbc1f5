'use strict';
const number = (text) => text.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [high, low] = [light(number(a)), light(number(b))].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};
const lies = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
  && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
// Boxes of texts hold room for accents above and below: only what overlaps by more than that lies on each other.
const touch = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.35 * Math.min(a.height, b.height);

const plots = [...document.querySelectorAll('figure svg[role=img]')].map((svg) => {
  const box = svg.getBoundingClientRect();
  const card = getComputedStyle(svg.closest('figure')).backgroundColor;
  const texts = [...svg.querySelectorAll('text')].map((text) => ({
    text: [...text.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join(''),
    box: text.getBoundingClientRect(),
    ink: getComputedStyle(text).fill,
    onCell: text.classList.contains('count'),
  }));
  const overlaps = [];
  texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => { if (touch(a.box, b.box)) overlaps.push([a.text, b.text]); }));
  return {
    label: svg.querySelector('title').textContent,
    width: box.width,
    height: box.height,
    marks: svg.querySelectorAll('path').length,
    clipped: texts.filter((t) => !lies(t.box, box)).map((t) => t.text),
    overlaps,
    unpainted: [...svg.querySelectorAll('path')].filter((p) => {
      const style = getComputedStyle(p);
      return p.getAttribute('d') !== '' && style.stroke === 'none' && (style.fill === 'none' || !p.getAttribute('class'));
    }).map((p) => p.getAttribute('class')),
    contrast: Math.min(...texts.filter((t) => !t.onCell).map((t) => contrast(t.ink, card))),
  };
});
const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]));
const paper = getComputedStyle(document.body).backgroundColor;
document.documentElement.dataset.measured = JSON.stringify({
  plots,
  paper,
  dark: light(number(paper)) < 0.2,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  headings: levels.filter((level, i) => level > (i ? levels[i - 1] : 0) + 1),
});
