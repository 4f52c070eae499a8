// Lines over time, drawn as SVG: told in words to readers, and as figures under a pointer or the arrow keys.

import { h, replace, svg, unique } from "./h.js";

const HEIGHT = 150;
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 8, 8, 22];
const KINDS = ["one", "two", "three"];
const [LEAST, HOUR] = [300, 3600];

/**
 * A plot of the last hour, or of what there is of it. `series`: `{name, values}`, one value a moment, null for none;
 * `unit` writes a value; `times` are in seconds since 1970; the upper end is never below `least`.
 */
export function plot({ title, series, times, unit, least = 1 }) {
  const id = unique("plot");
  const span = Math.min(HOUR, Math.max(LEAST, times.at(-1) - times[0]));
  const top = nice(Math.max(least, ...series.flatMap(({ values }) => values.filter((value) => value !== null))));
  const legend = series.map(({ name }, index) => {
    const figure = h("span", {});
    const stroke = svg("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, svg("path", { d: "M0 4H18", class: `line ${KINDS[index]}` }));
    return { figure, key: h("span", { class: "key" }, stroke, name, " ", figure) };
  });
  const moment = h("span", { class: "key moment" });
  const drawing = svg("svg", { role: "img", "aria-labelledby": id, tabindex: "0" });
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const scale = { x: () => 0, width: 0 };
  const draw = (width) => {
    const x = (time) => LEFT + ((time - times.at(-1) + span) / span) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    Object.assign(scale, { x, width });
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    replace(drawing, svg("title", { id }, words(title, series, unit)), axes({ x, y, width, top, unit, span, until: times.at(-1) }), lines(series, times, x, y), cursor);
  };
  const tell = (index) => {
    const isPast = index !== null;
    const shown = isPast ? index : times.length - 1;
    series.forEach(({ values }, number) => replace(legend[number].figure, values[shown] === null ? "–" : unit(values[shown])));
    replace(moment, isPast ? `at ${clock(times[index])}` : "now");
    cursor.setAttribute("visibility", isPast ? "visible" : "hidden");
    if (isPast) for (const end of ["x1", "x2"]) cursor.setAttribute(end, scale.x(times[index]));
  };
  listen(drawing, times, tell, (pixels) => times.at(-1) - span + ((pixels - LEFT) / (scale.width - LEFT - RIGHT)) * span);
  tell(null);
  const figure = h("figure", { class: "figure panel" }, h("figcaption", {}, h("strong", {}, title), legend.map(({ key }) => key), moment), drawing);
  new ResizeObserver(([{ contentRect }]) => contentRect.width > LEFT + RIGHT && draw(Math.round(contentRect.width))).observe(figure);
  return figure;
}

function axes({ x, y, width, top, unit, span, until }) {
  const marks = width < 300 ? [1, 0] : [1, 0.5, 0];
  const place = { 1: "start", 0: "end" };
  return [
    [0, 0.5, 1].map((part) => [
      svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(part * top), y2: y(part * top) }),
      svg("text", { x: LEFT - 6, y: y(part * top) + 4, "text-anchor": "end" }, unit(part * top)),
    ]),
    marks.map((part) => svg("text", { x: x(until - part * span), y: HEIGHT - 5, "text-anchor": place[part] ?? "middle" }, clock(until - part * span, "short"))),
  ];
}

function lines(series, times, x, y) {
  return series.map(({ values }, index) => svg("path", { class: `line ${KINDS[index]}`, d: path(values, times, x, y) }));
}

/** Has figures told where a pointer or the arrow keys are. */
function listen(drawing, times, tell, timeAt) {
  let at = null;
  const nearest = (time) => times.reduce((best, one, index) => (Math.abs(one - time) < Math.abs(times[best] - time) ? index : best), 0);
  drawing.addEventListener("pointermove", (event) => tell((at = nearest(timeAt(event.clientX - drawing.getBoundingClientRect().left)))));
  for (const ends of ["pointerleave", "blur"]) drawing.addEventListener(ends, () => tell((at = null)));
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    at = Math.min(times.length - 1, Math.max(0, (at ?? times.length - 1) + step));
    tell(at);
  });
}

function path(values, times, x, y) {
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDown = false;
        return "";
      }
      // A value that stands alone is a short line of its own.
      const isAlone = !isDown && (values[index + 1] ?? null) === null;
      const step = `${isDown ? "L" : "M"}${x(times[index]).toFixed(1)} ${y(value).toFixed(1)}${isAlone ? "h1.5" : ""}`;
      isDown = true;
      return step;
    })
    .join("");
}

/** Says what the lines do, for those who do not see them. */
function words(title, series, unit) {
  const told = series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    if (!known.length) return `${name}: nothing yet`;
    const last = values.at(-1);
    return `${name}: now ${last === null ? "none" : unit(last)}, at most ${unit(Math.max(...known))}`;
  });
  return `${title} over the last hour. ${told.join(". ")}.`;
}

/** Rounds up to a figure that people like. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((step) => step * power >= value * 0.999) ?? 10;
  return step * power;
}

function clock(seconds, style = "medium") {
  return new Intl.DateTimeFormat(undefined, { timeStyle: style }).format(new Date(seconds * 1000));
}
