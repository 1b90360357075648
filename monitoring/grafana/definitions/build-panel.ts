import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as stateTimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeSeries from '@grafana/grafana-foundation-sdk/timeseries';
import type {
  GraphPanel,
  HeatmapPanel,
  PanelDefinition,
  StatPanel,
  TablePanel,
  ThresholdStep,
  TimelinePanel,
} from './panel-definition.ts';

/** The one that the variable `datasource` names. */
export const DATASOURCE: common.DataSourceRef = { type: 'prometheus', uid: `\${datasource}` };

type Panel =
  | timeSeries.PanelBuilder
  | stat.PanelBuilder
  | heatmap.PanelBuilder
  | stateTimeline.PanelBuilder
  | table.PanelBuilder;

/** Where a panel lies: columns of 24, and rows. */
export type GridPosition = dashboard.GridPos;

/** Grafana's panel of a definition. */
export function buildPanel(
  definition: PanelDefinition,
  place: { readonly id: number; readonly position: GridPosition },
): Builder<dashboard.Panel> {
  const panel: Panel = builderOf(definition);
  panel
    .id(place.id)
    .gridPos(place.position)
    .title(definition.title)
    .description(definition.about)
    .unit(definition.unit)
    .datasource(DATASOURCE);
  if (definition.thresholds !== undefined) panel.thresholds(steps(definition.thresholds));
  if (definition.min !== undefined) panel.min(definition.min);
  if (definition.max !== undefined) panel.max(definition.max);
  if (definition.decimals !== undefined) panel.decimals(definition.decimals);
  if (definition.noValue !== undefined) panel.noValue(definition.noValue);
  for (const [index, { expr, legend }] of definition.queries.entries()) {
    const query = new prometheus.DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .datasource(DATASOURCE)
      .editorMode(prometheus.QueryEditorMode.Code)
      .expr(expr)
      .legendFormat(legend);
    if (definition.kind === 'heatmap') query.format(prometheus.PromQueryFormat.Heatmap);
    if (definition.kind === 'table') query.format(prometheus.PromQueryFormat.Table);
    panel.withTarget(isOfNow(definition) ? query.instant() : query.range());
  }
  return panel;
}

function isOfNow(definition: PanelDefinition): boolean {
  return definition.kind === 'table' || (definition.kind === 'stat' && !definition.hasLine);
}

function builderOf(definition: PanelDefinition): Panel {
  switch (definition.kind) {
    case 'graph':
      return graphBuilder(definition);
    case 'stat':
      return statBuilder(definition);
    case 'heatmap':
      return heatmapBuilder(definition);
    case 'timeline':
      return timelineBuilder(definition);
    case 'table':
      return tableBuilder(definition);
    default:
      return definition satisfies never;
  }
}

function steps(thresholds: readonly ThresholdStep[]): Builder<dashboard.ThresholdsConfig> {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(thresholds.map((step) => ({ ...step })));
}

function graphBuilder({ thresholds, isStacked = false, limits, queries }: GraphPanel) {
  const panel = new timeSeries.PanelBuilder()
    .drawStyle(common.GraphDrawStyle.Line)
    .lineInterpolation(common.LineInterpolation.Linear)
    .lineWidth(isStacked ? 1 : 2)
    .fillOpacity(isStacked ? 60 : 8)
    .gradientMode(isStacked ? common.GraphGradientMode.None : common.GraphGradientMode.Opacity)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .axisBorderShow(false)
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        thresholds === undefined
          ? common.GraphThresholdsStyleMode.Off
          : common.GraphThresholdsStyleMode.Dashed,
      ),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'mean', 'max'])
        .sortBy('Last *')
        .sortDesc(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .colorScheme(
      new dashboard.FieldColorBuilder().mode(
        queries.some(({ legend }) => legend.includes('{{'))
          ? dashboard.FieldColorModeId.PaletteClassicByName
          : dashboard.FieldColorModeId.PaletteClassic,
      ),
    );
  if (isStacked) {
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  }
  if (limits !== undefined) {
    panel.overrideByRegexp(limits, [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
      { id: 'custom.lineWidth', value: 1 },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'color', value: { mode: 'fixed', fixedColor: 'red' } },
    ]);
  }
  return panel;
}

function statBuilder({ showsLegend = false, hasLine = false, queries }: StatPanel) {
  const namesSeries = queries.some(({ legend }) => legend.includes('{{'));
  return new stat.PanelBuilder()
    .reduceOptions(
      new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''),
    )
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(hasLine ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
    .textMode(
      showsLegend
        ? common.BigValueTextMode.Name
        : namesSeries
          ? common.BigValueTextMode.Auto
          : common.BigValueTextMode.Value,
    )
    .justifyMode(common.BigValueJustifyMode.Auto)
    .orientation(common.VizOrientation.Auto)
    .noValue('–');
}

function heatmapBuilder({ unit }: HeatmapPanel) {
  return new heatmap.PanelBuilder()
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Blues')
        .steps(64)
        .exponent(0.5)
        .fill('dark-blue')
        .scale(heatmap.HeatmapColorScale.Exponential)
        .reverse(false),
    )
    .yAxis(new heatmap.YAxisConfigBuilder().unit(unit).axisPlacement(common.AxisPlacement.Left))
    .rowsFrame(new heatmap.RowsHeatmapOptionsBuilder().layout(common.HeatmapCellLayout.Auto))
    .cellValues(new heatmap.CellValuesBuilder().unit('short').decimals(0))
    .filterValues(new heatmap.FilterValueRangeBuilder().le(1e-9))
    .showValue(common.VisibilityMode.Never)
    .cellGap(1)
    .showLegend()
    .tooltip(
      new heatmap.HeatmapTooltipBuilder().mode(common.TooltipDisplayMode.Single).yHistogram(true),
    );
}

function timelineBuilder({ texts }: TimelinePanel) {
  return new stateTimeline.PanelBuilder()
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .alignValue(common.TimelineValueAlignment.Left)
    .rowHeight(0.8)
    .lineWidth(0)
    .fillOpacity(80)
    .mappings([{ type: dashboard.MappingType.ValueToText, options: { ...texts } }])
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(false)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
}

function tableBuilder({ columns, queries }: TablePanel) {
  const panel = new table.PanelBuilder()
    .showHeader(true)
    .cellHeight(common.TableCellHeight.Sm)
    .filterable(true)
    .noValue('–')
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
        renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
      },
    });
  // One row for what has the same labels in the answers of several queries.
  if (queries.length > 1) {
    panel.transformations([{ id: 'merge', options: {} }, ...(panel.build().transformations ?? [])]);
  }
  for (const { title, unit, link } of columns) {
    if (unit !== undefined) panel.overrideByName(title, [{ id: 'unit', value: unit }]);
    if (link === undefined) continue;
    const value = [{ title: 'Open', url: link, targetBlank: false }];
    panel.overrideByName(title, [{ id: 'links', value }]);
  }
  return panel;
}
