// The heavy ball, v = beta v + g and theta -= eta v, in a valley of curvatures 1 and 50 along axes turned by 30 degrees.
import {slider, frame, range, round} from "./slider.js";

const [c, s] = [Math.sqrt(3) / 2, 1 / 2], curvatures = [1, 50], start = [-2, 1], steps = 60;
const along = ([p, q]) => [c * p + s * q, c * q - s * p];  // coordinates along the valley's axes
const back = ([p, q]) => [c * p - s * q, s * p + c * q];
const loss = u => (curvatures[0] * u[0] ** 2 + curvatures[1] * u[1] ** 2) / 2;

// The greater modulus of the two roots of x^2 - (1 + beta - eta k) x + beta
function factor(beta, eta, k) {
  const half = (1 + beta - eta * k) / 2, rest = half ** 2 - beta;
  return rest < 0 ? Math.sqrt(beta) : Math.abs(half) + Math.sqrt(rest);
}

slider("valley", {
  title: "Momentum in a valley",
  inputs: {
    eta: {label: "rate η", min: .002, max: .08, step: .002, value: .01, format: value => value.toFixed(3)},
    beta: {label: "momentum β", min: 0, max: .98, step: .02, value: 0, format: value => value.toFixed(2)},
  },
  draw({eta, beta}, width) {
    let u = along(start), v = [0, 0];
    const path = [start];
    for (let t = 0; t < steps; t++) {
      v = v.map((each, i) => beta * each + curvatures[i] * u[i]);
      u = u.map((each, i) => each - eta * v[i]);
      path.push(back(u));
    }
    const height = Math.min(260, width * .6), half = 1.7 * width / height;
    const plot = frame({left: 1, top: 1, width: width - 2, height: height - 2, xs: [-half, half], ys: [-1.7, 1.7]});
    const turn = range(73, 0, 2 * Math.PI);
    const level = j => turn.map(t => back([Math.sqrt(2 * j) * Math.cos(t), Math.sqrt(2 * j / 50) * Math.sin(t)]));
    const reached = path.findIndex(([p, q]) => Math.abs(p) > half || Math.abs(q) > 1.7);
    const seen = reached < 0 ? path : path.slice(0, reached);
    const worst = Math.max(...curvatures.map(k => factor(beta, eta, k)));
    return {
      height,
      svg: [.1, .5, 1.5, 3].map(j => plot.line(level(j), "grey")).join("") + plot.line(seen, "first") +
        seen.map(([p, q]) => plot.dot(p, q, "first filled", 2)).join("") + plot.dot(...start, "second filled", 5) + plot.dot(0, 0, "second", 5),
      said: {loss: [`loss after ${steps} steps:`, round(loss(u), 4)], factor: ["factor of a step, in the end:", round(worst, 4)]},
    };
  },
});
