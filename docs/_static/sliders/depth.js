// The mean square of a signal after each of fifty ReLU layers: `data.signal` and `data.gradient` are those for the variance 1 / d_in, and
// c times the variance is c times the square at each layer.
import {slider, frame, round} from "./slider.js";

slider("depth", {
  title: "Initial scale against depth",
  inputs: {c: {label: "c, variance times inputs", min: 1, max: 4, step: .05, value: 1.5, format: value => value.toFixed(2)}},
  draw({c}, width, data) {
    const n = data.signal.length;
    const signal = data.signal.map((square, l) => square * c ** (l + 1));
    const gradient = data.gradient.map((square, l) => square * c ** (n - l));
    const plot = frame({left: 52, width: width - 68, height: 190, xs: [1, n], ys: [-16, 16], xticks: [1, 10, 20, 30, 40, 50],
      yticks: [-15, -10, -5, 0, 5, 10, 15].map(k => [k, `10<tspan dy="-5" font-size="70%">${String(k).replace("-", "−")}</tspan>`]), xlabel: "layer"});
    return {
      height: 240,
      svg: plot.axes + plot.line([[1, 0], [n, 0]], "grey") + plot.line(signal.map((square, l) => [l + 1, Math.log10(square)]), "first") +
        plot.line(gradient.map((square, l) => [l + 1, Math.log10(square)]), "second dashed"),
      said: {signal: ["mean square of the signal after the last layer (line):", round(signal[n - 1], 3)],
             gradient: ["of the gradient before the first (dashed):", round(gradient[0], 3)]},
    };
  },
});
