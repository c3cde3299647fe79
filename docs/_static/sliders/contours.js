// Where loss and penalty together are least, for L2 and for L1: the loss is (w - w0)' H (w - w0) / 2.
import {slider, frame, range, round} from "./slider.js";

const w0 = [1.2, .4], H = [[1, .4], [.4, .6]];
const Hw0 = H.map(row => row[0] * w0[0] + row[1] * w0[1]);
const value = w => {
  const [a, b] = [w[0] - w0[0], w[1] - w0[1]];
  return (H[0][0] * a * a + 2 * H[0][1] * a * b + H[1][1] * b * b) / 2;
};

function ridge(strength) {  // (H + strength) w = H w0
  const [a, b, d] = [H[0][0] + strength, H[0][1], H[1][1] + strength], det = a * d - b * b;
  return [(d * Hw0[0] - b * Hw0[1]) / det, (a * Hw0[1] - b * Hw0[0]) / det];
}

function lasso(strength) {  // one weight after the other, each at its least
  const shrink = z => Math.sign(z) * Math.max(Math.abs(z) - strength, 0), w = [...w0];
  for (let i = 0; i < 200; i++) for (const j of [0, 1]) w[j] = shrink(Hw0[j] - H[j][1 - j] * w[1 - j]) / H[j][j];
  return w;
}

// The ellipse through w: H = L L', and v = L'(u - w0) lies on a circle
function ellipse(level) {
  const l = Math.sqrt(H[0][0]), m = H[0][1] / l, n = Math.sqrt(H[1][1] - m * m), r = Math.sqrt(2 * level);
  return range(91, 0, 2 * Math.PI).map(t => {
    const b = r * Math.sin(t) / n, a = (r * Math.cos(t) - m * b) / l;
    return [w0[0] + a, w0[1] + b];
  });
}

slider("contours", {
  title: "The circle and the diamond",
  inputs: {strength: {label: "strength λ", min: 0, max: 1.5, step: .05, value: .4, format: value => value.toFixed(2)}},
  draw({strength}, width) {
    const side = Math.min(300, (width - 60) / 2);
    const least = {L2: ridge(strength), L1: lasso(strength)};
    const panels = Object.entries(least).map(([name, w], i) => {
      const plot = frame({left: 30 + i * (side + 28), top: 20, width: side, height: side, xs: [-1.4, 2.2], ys: [-1.8, 1.8],
        xticks: [-1, 0, 1, 2], yticks: i ? [] : [-1, 0, 1], ylabel: name});
      const r = name === "L2" ? Math.hypot(...w) : Math.abs(w[0]) + Math.abs(w[1]);
      const ball = name === "L2" ? range(91, 0, 2 * Math.PI).map(t => [r * Math.cos(t), r * Math.sin(t)]) : [[r, 0], [0, r], [-r, 0], [0, -r], [r, 0]];
      return plot.axes + plot.line([[-1.4, 0], [2.2, 0]], "grey") + plot.line([[0, -1.8], [0, 1.8]], "grey") +
        plot.line(ellipse(value(w)), "first") + plot.line(ball, "second") + plot.dot(...w0, "first", 4) + plot.dot(...w, "second filled", 4);
    });
    const pair = w => w.map(each => round(each + 0, 3).replace(/^-0\.000$/, "0.000")).join(", ");
    return {
      height: side + 44,
      svg: panels.join(""),
      said: {ridge: ["weights with L2:", pair(least.L2)], lasso: ["with L1:", pair(least.L1)]},
    };
  },
});
