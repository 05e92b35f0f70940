// A matrix on a canvas that mouse, keyboard and screen reader can walk through, cell by cell.

import { el } from "./text.js";
import { canvas, ink, paint, resize } from "./draw.js";

const MOST_HEIGHT = 560;

/**
 * rows, columns: of cells. tall: pixels of a row at least, where they fit. index: for each cell where its value stands in the array (-1: a gap); none: row by row.
 * cellOf(row, column): what the cell stands for, or null for a gap; onPick, onEnter, onUnit are called with it.
 */
export class Matrix {
  constructor({ rows, columns, label, describe, index = null, onPick, onEnter, onUnit, most = MOST_HEIGHT, tall = 0 }) {
    Object.assign(this, { rows, columns, index, describe, onPick, onEnter, onUnit, most, tall });
    this.row = 0;
    this.column = 0;
    this.canvas = canvas(10, 10);
    this.mark = el("span", { class: "cellmark", "aria-hidden": "true" });
    this.node = el("div", {
      class: "matrix", tabindex: "0", role: "application", "aria-roledescription": "matrix",
      "aria-label": label, "aria-describedby": "matrixkeys",
      on: {
        keydown: (event) => this.onKey(event),
        pointermove: (event) => this.hover(event),
        click: (event) => { this.hover(event, true); },
        dblclick: () => this.onEnter?.(this.row, this.column),
      },
    }, this.canvas, this.mark);
  }

  fit(width) {
    const cell = Math.max(0.5, Math.min(width / this.columns, this.most / this.rows, 34));
    this.width = Math.max(1, Math.min(width, cell * this.columns));
    this.height = Math.max(1, Math.max(cell, Math.min(this.tall, this.most / this.rows)) * this.rows);
    this.cell = [this.width / this.columns, this.height / this.rows];
    resize(this.canvas, this.width, this.height);
    this.node.style.width = `${this.width}px`;
  }

  draw(values, scale, signed = true) {
    const context = this.canvas.getContext("2d");
    context.fillStyle = ink("--paper");
    context.fillRect(0, 0, this.width, this.height);
    paint(context, values, this.rows, this.columns, scale, [0, 0, this.width, this.height], { signed, at: this.index });
    this.place();
  }

  place() {
    const [width, height] = this.cell;
    this.mark.style.transform = `translate(${this.column * width}px, ${this.row * height}px)`;
    this.mark.style.width = `${Math.max(5, width)}px`;
    this.mark.style.height = `${Math.max(5, height)}px`;
  }

  select(row, column) {
    this.row = Math.max(0, Math.min(this.rows - 1, row));
    this.column = Math.max(0, Math.min(this.columns - 1, column));
    if (this.cell) this.place();
  }

  hover(event, pick = false) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    if (row < 0 || column < 0 || row >= this.rows || column >= this.columns) return;
    if (this.index && this.index[row * this.columns + column] < 0) return;
    if (pick) {
      this.select(row, column);
      this.onPick(row, column);
    } else this.describe?.(row, column);
  }

  onKey(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [down, across] = moves[event.key];
      let row = this.row + down;
      let column = this.column + across;
      while (this.index && this.index[row * this.columns + column] < 0 && row > 0 && row < this.rows - 1
        && column > 0 && column < this.columns - 1) {
        row += down;
        column += across;
      }
      if (!(this.index && this.index[row * this.columns + column] < 0)) {
        this.select(row, column);
        this.onPick(this.row, this.column);
      }
    } else if (event.key === "Enter") this.onEnter?.(this.row, this.column);
    else if (event.key === "u" || event.key === "U") this.onUnit?.(this.row, this.column);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
