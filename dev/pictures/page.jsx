// Draws recorded panels with Grafana's own components.
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import {
  applyFieldOverrides, cacheFieldDisplayNames, createTheme, DashboardCursorSync, dateTime, EventBusSrv, getFieldDisplayValues,
  transformDataFrame,
} from '@grafana/data';
import {
  BigValue, GlobalStyles, PanelChrome, PanelContextProvider, ThemeContext, TimeSeries, VizRepeater,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { frames } from './frames.mjs';
import { height, place, WIDTH } from './layout.mjs';
import { fieldConfig, registryOf, unknown } from './registry.mjs';

const { panels, data, from, to, mode } = window.__INPUT__;
const theme = createTheme({ colors: { mode } });
const range = { from: dateTime(from), to: dateTime(to), raw: { from: 'now-1h', to: 'now' } };
const timeZone = 'utc';
const replaceVariables = (text) => text;

// Returns the data of a panel as Grafana passes it on: transformed, with units, colors, overrides and names.
async function prepared(panel) {
  const context = { interpolate: replaceVariables };
  const answers = await lastValueFrom(transformDataFrame(panel.transformations ?? [], frames(panel, data[panel.id]), context));
  const result = applyFieldOverrides({
    data: answers, fieldConfig: fieldConfig(panel), fieldConfigRegistry: registryOf(panel.type), replaceVariables, theme, timeZone,
  });
  cacheFieldDisplayNames(result);
  return result;
}

// A plot listens there for the cursors of its neighbours, and throws without it.
const context = { eventsScope: 'global', eventBus: new EventBusSrv(), sync: () => DashboardCursorSync.Off };

function Series({ panel, answers, width, height }) {
  return <PanelContextProvider value={context}>
    <TimeSeries frames={answers} width={width} height={height} timeRange={range} timeZone={timeZone}
      legend={panel.options.legend} options={panel.options} structureRev={1} />
  </PanelContextProvider>;
}

function Stat({ panel, answers, width, height }) {
  const { reduceOptions, graphMode, orientation, colorMode, justifyMode, textMode } = panel.options;
  const values = getFieldDisplayValues({
    fieldConfig: fieldConfig(panel), reduceOptions, data: answers, theme, sparkline: graphMode !== 'none', timeZone, replaceVariables,
  });
  return <VizRepeater source={values} getValues={() => values} width={width} height={height} autoGrid
    orientation={orientation} renderCounter={0} itemSpacing={3}
    renderValue={({ value, width, height, count }) =>
      <BigValue value={value.display} count={count} sparkline={value.sparkline} width={width} height={height} theme={theme}
        colorMode={colorMode} graphMode={graphMode} justifyMode={justifyMode} textMode={textMode} />} />;
}

function Table({ panel, answers, width, height }) {
  return <TableNG data={answers[0]} width={width} height={height} timeRange={range} enableVirtualization={false}
    fieldConfig={panel.fieldConfig} structureRev={1} cellHeight={panel.options.cellHeight} />;
}

const KINDS = { timeseries: Series, stat: Stat, table: Table };

function Panel({ panel, answers }) {
  const position = { position: 'absolute', ...place(panel.gridPos) };
  if (panel.type === 'row') return <div style={{ ...position, ...theme.typography.h5, paddingTop: 4 }}>{panel.title}</div>;
  const Kind = KINDS[panel.type];
  return <div style={position}>
    <PanelChrome width={position.width} height={position.height} title={panel.title} description={panel.description}>
      {(width, height) => <Kind panel={panel} answers={answers} width={width} height={height} />}
    </PanelChrome>
  </div>;
}

const shown = await Promise.all(panels.map(async (panel) => {
  if (panel.type === 'row') return { panel };
  for (const id of unknown(panel)) console.error(`Uncaught: panel ${panel.id} (${panel.title}) has no option ${id}`);
  return { panel, answers: await prepared(panel) };
}));
const canvas = { position: 'relative', width: WIDTH, height: height(panels), background: theme.colors.background.canvas };
createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles isExtensionSidebarOpen={false} />
    <div style={canvas}>
      {shown.map(({ panel, answers }) => <Panel key={panel.id} panel={panel} answers={answers} />)}
    </div>
  </ThemeContext.Provider>,
);
