// Which pixels of a line one number depends on, through layers of windows.
import {slider} from "./slider.js";

slider("field", {
  title: "Receptive field",
  inputs: {
    layers: {label: "layers", min: 1, max: 4, step: 1, value: 2},
    kernel: {label: "width of a window", min: 1, max: 5, step: 1, value: 3},
    stride: {label: "stride", min: 1, max: 2, step: 1, value: 1},
  },
  draw({layers, kernel, stride}, width) {
    const reach = [1];  // numbers below the top one that it depends on, from the top down
    for (let l = 0; l < layers; l++) reach.push((reach[l] - 1) * stride + kernel);
    const field = reach[layers], jump = stride ** layers, pixels = 63;
    const pixel = (width - 8) / pixels, y = level => 14 + level * 44;
    const start = Math.floor((pixels - field) / 2), first = 4 + pixel * (start + .5);
    // the middle of what number i, `level` layers below the top, sees
    const x = (i, level) => {
      let [from, to] = [i, i];
      for (let l = level; l < layers; l++) [from, to] = [from * stride, to * stride + kernel - 1];
      return first + pixel * (from + to) / 2;
    };
    let lines = "", dots = "";
    for (let level = 0; level < layers; level++) for (let i = 0; i < reach[level]; i++) for (let d = 0; d < kernel; d++)
      lines += `M${x(i, level).toFixed(1)} ${y(level)}L${x(i * stride + d, level + 1).toFixed(1)} ${y(level + 1)}`;
    for (let level = 0; level < layers; level++) for (let i = 0; i < reach[level]; i++)
      dots += `<circle class="first filled" cx="${x(i, level).toFixed(1)}" cy="${y(level)}" r="3"/>`;
    for (let i = 0; i < pixels; i++) {
      const inside = i >= start && i < start + field;
      dots += `<rect class="${inside ? "first filled" : "grey"}" x="${(4 + i * pixel + pixel * .1).toFixed(1)}" y="${y(layers) - 4}" width="${(pixel * .8).toFixed(1)}" height="8"/>`;
    }
    return {
      height: y(4) + 14,
      svg: `<path class="first thin" d="${lines}"/>${dots}`,
      said: {field: ["pixels in the field:", String(field)], jump: ["pixels from one field to the next:", String(jump)]},
    };
  },
});
