// Which panels a picture shows, and where.

export const WIDTH = 1400;
const GAP = 8;
const ROW = 30;

// Returns the panels of the rows with these titles, moved up to close the gaps. With titles of panels, only the lines that
// contain one of them.
export function selected(panels, { rows, panels: titles }) {
  const lines = new Map();
  let row;
  for (const panel of panels) {
    if (panel.type === 'row') row = panel.title;
    if (!rows.includes(row)) continue;
    const { y } = panel.gridPos;
    lines.set(y, [...(lines.get(y) ?? []), panel]);
  }
  const wanted = ({ type, title }) => type === 'row' || !titles || titles.includes(title);
  let y = 0;
  return [...lines.values()].filter((line) => line.some(wanted)).flatMap((line) => {
    const moved = line.map((panel) => ({ ...panel, gridPos: { ...panel.gridPos, y } }));
    y += Math.max(...line.map(({ gridPos }) => gridPos.h));
    return moved;
  });
}

// Returns a panel's place in pixels, as Grafana's grid has it.
export function place({ x, y, w, h }) {
  const column = (WIDTH - GAP) / 24;
  return {
    left: GAP + x * column,
    top: GAP / 2 + y * (ROW + GAP),
    width: w * column - GAP,
    height: h * ROW + (h - 1) * GAP,
  };
}

// Returns the height of a picture in pixels.
export function height(panels) {
  return Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (ROW + GAP) + GAP / 2;
}
