// Answers of Prometheus as the data frames that its data source in Grafana makes of them.
import { createDataFrame, FieldType } from '@grafana/data';

function name(legend, labels) {
  return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function number(text) {
  const value = Number(text);
  return Number.isNaN(value) ? null : value;
}

// Returns the times at which any series has a value. Prometheus answers for the same times for all of them.
function times(results) {
  const all = new Set(results.flat().flatMap((series) => series.values.map(([time]) => time)));
  return [...all].sort((a, b) => a - b);
}

// Returns a frame per series. Missing values are null, so that lines have gaps.
function series(panel, results, every) {
  return results.flatMap((result, index) => {
    const target = panel.targets[index];
    return result.map(({ metric, values }) => {
      const at = new Map(values);
      const title = name(target.legendFormat, metric);
      return createDataFrame({
        refId: target.refId,
        name: title,
        fields: [
          { name: 'Time', type: FieldType.time, values: every.map((time) => time * 1000), config: {} },
          {
            name: 'Value',
            type: FieldType.number,
            labels: metric,
            values: every.map((time) => (at.has(time) ? number(at.get(time)) : null)),
            config: { displayNameFromDS: title },
          },
        ],
      });
    });
  });
}

// Returns a frame per query: a row per series, and a column per label.
function tables(panel, results) {
  return results.map((result, index) => {
    const { refId } = panel.targets[index];
    const labels = Object.keys(result[0]?.metric ?? {}).filter((label) => label !== '__name__');
    return createDataFrame({
      refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000), config: {} },
        ...labels.map((label) => ({
          name: label, type: FieldType.string, values: result.map(({ metric }) => metric[label]), config: {},
        })),
        {
          name: results.length > 1 ? `Value #${refId}` : 'Value',
          type: FieldType.number,
          values: result.map(({ value }) => number(value[1])),
          config: {},
        },
      ],
    });
  });
}

export function frames(panel, results) {
  return panel.type === 'table' ? tables(panel, results) : series(panel, results, times(results));
}
