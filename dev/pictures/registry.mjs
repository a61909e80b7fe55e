// The field options and transformations that exist. Grafana's application fills these registries at its start; the packages
// have empty ones, and would ignore each unit, threshold and line width without a word.
import {
  FieldConfigOptionsRegistry, FieldType, standardTransformers, standardTransformersRegistry,
} from '@grafana/data';

const STANDARD = [
  'unit', 'min', 'max', 'decimals', 'displayName', 'color', 'noValue', 'links', 'mappings', 'thresholds', 'description',
];
const CUSTOM = {
  timeseries: [
    'drawStyle', 'lineInterpolation', 'lineWidth', 'lineStyle', 'fillOpacity', 'gradientMode', 'showPoints', 'pointSize',
    'spanNulls', 'stacking', 'thresholdsStyle', 'hideFrom', 'axisPlacement', 'axisLabel', 'axisSoftMin', 'axisSoftMax',
    'scaleDistribution',
  ],
  stat: [],
  table: ['align', 'width', 'minWidth', 'cellOptions', 'filterable', 'hidden', 'inspect'],
};
// The values that a panel starts from, before its own configuration.
const DEFAULTS = {
  timeseries: {
    drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto',
    pointSize: 5, spanNulls: false, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto',
    thresholdsStyle: { mode: 'off' }, hideFrom: { legend: false, tooltip: false, viz: false },
  },
  stat: {},
  table: { align: 'auto', inspect: false, cellOptions: { type: 'auto' } },
};

standardTransformersRegistry.setInit(() =>
  [standardTransformers.mergeTransformer, standardTransformers.organizeFieldsTransformer].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation: async () => transformation,
  })));

// Returns the options that a panel sets and its type does not have: Grafana would ignore them.
export function unknown(panel) {
  const known = new Set([...STANDARD, ...CUSTOM[panel.type].map((name) => `custom.${name}`)]);
  const { defaults, overrides } = panel.fieldConfig;
  const set = [
    ...Object.keys(defaults).filter((key) => key !== 'custom'),
    ...Object.keys(defaults.custom).map((key) => `custom.${key}`),
    ...overrides.flatMap((rule) => rule.properties.map((property) => property.id)),
  ];
  return [...new Set(set)].filter((id) => !known.has(id));
}

export function registryOf(type) {
  const registry = new FieldConfigOptionsRegistry();
  const add = (id, isCustom) => registry.register({
    id: isCustom ? `custom.${id}` : id,
    path: id,
    isCustom,
    name: id,
    settings: {},
    shouldApply: (field) => id !== 'unit' || field.type === FieldType.number,
    process: (value) => value,
    override: () => null,
    editor: () => null,
  });
  STANDARD.forEach((id) => add(id, false));
  CUSTOM[type].forEach((id) => add(id, true));
  return registry;
}

// JSON has no -Infinity: the first step of thresholds is null.
function steps(thresholds) {
  return { ...thresholds, steps: thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
}

export function fieldConfig({ type, fieldConfig: { defaults, overrides } }) {
  return {
    defaults: { ...defaults, thresholds: steps(defaults.thresholds), custom: { ...DEFAULTS[type], ...defaults.custom } },
    overrides: overrides.map((rule) => ({
      ...rule,
      properties: rule.properties.map((it) => (it.id === 'thresholds' ? { ...it, value: steps(it.value) } : it)),
    })),
  };
}
