// The logistic function and its slope, for a steepness a.
import {slider, frame, range, round} from "./slider.js";

const sigmoid = (a, z) => 1 / (1 + Math.exp(-a * z));

slider("steepness", {
  title: "The sigmoid and its slope",
  inputs: {a: {label: "steepness a", min: .25, max: 8, step: .25, value: 1}},
  draw({a}, width) {
    const plot = frame({width: width - 60, height: 190, xs: [-6, 6], ys: [0, 2], xticks: [-6, -3, 0, 3, 6], yticks: [0, 1, 2], xlabel: "z"});
    const zs = range(241, -6, 6);
    const slope = z => a * sigmoid(a, z) * (1 - sigmoid(a, z));
    return {
      height: 240,
      svg: plot.axes + plot.line(zs.map(z => [z, sigmoid(a, z)]), "first") + plot.line(zs.map(z => [z, slope(z)]), "second dashed") +
        plot.dot(1, sigmoid(a, 1), "first filled") + plot.dot(1, slope(1), "second filled"),
      said: {value: ["value at z = 1 (line):", round(sigmoid(a, 1), 4)], slope: ["slope there (dashed):", round(slope(1), 4)],
             greatest: ["greatest slope, a / 4:", round(slope(0), 4)]},
    };
  },
});
