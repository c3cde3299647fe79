// A layer of 96 units: a unit whose number in `data`, drawn in [0, 1), is below the rate is dropped, and the others are scaled.
import {slider, round} from "./slider.js";

slider("dropout", {
  title: "Units that dropout leaves",
  inputs: {rate: {label: "rate", min: 0, max: .95, step: .05, value: .5, format: value => value.toFixed(2)}},
  draw({rate}, width, data) {
    const columns = 16, cell = Math.min(28, (width - 2) / columns), scale = 1 / (1 - rate);
    const kept = data.filter(drawn => drawn >= rate).length;
    const unit = (drawn, i) => {
      const [cx, cy] = [(i % columns + .5) * cell + 1, (Math.floor(i / columns) + .5) * cell + 1];
      // the area of a unit is its number
      return drawn < rate ? `<circle class="grey" cx="${cx}" cy="${cy}" r="2"/>`
        : `<circle class="first filled" cx="${cx}" cy="${cy}" r="${Math.min(cell / 2, cell * .22 * Math.sqrt(scale))}"/>`;
    };
    return {
      height: cell * data.length / columns + 2,
      svg: data.map(unit).join(""),
      said: {kept: [`units left of ${data.length}:`, String(kept)], scale: ["each is multiplied by", round(scale, 3)],
             mean: ["mean of the layer, which was 1:", round(kept * scale / data.length, 3)]},
    };
  },
});
