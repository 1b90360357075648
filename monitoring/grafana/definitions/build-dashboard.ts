import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { buildPanel, DATASOURCE, type GridPosition } from './build-panel.ts';
import type { PanelDefinition, RowDefinition } from './panel-definition.ts';

/** Every dashboard has it; the links between them are made of it. */
const TAG = 'sluice';
const COLUMNS = 24;
const PANELS_PER_ROW_MAX = 99;

/** A choice above the panels, filled from what Prometheus knows. */
export interface VariableDefinition {
  readonly name: string;
  readonly label: string;
  readonly about: string;
  /** `label_values(metric, label)` */
  readonly query: string;
  /** Regular expression that "All" stands for; null: the values that were found. */
  readonly all: string | null;
}

/** Lines over all graphs, at the moments that a query names. */
export interface AnnotationDefinition {
  readonly name: string;
  readonly color: string;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
}

export interface DashboardDefinition {
  /** `sluice-…`: addresses contain it, so it never changes. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly variables: readonly VariableDefinition[];
  readonly annotations: readonly AnnotationDefinition[];
  readonly rows: readonly RowDefinition[];
}

/** The dashboard as Grafana reads it. */
export function buildDashboard(definition: DashboardDefinition): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(definition.title)
    .uid(definition.uid)
    .description(definition.about)
    .tags([TAG])
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .editable()
    .variables([datasourceVariable(), ...definition.variables.map(queryVariable)])
    .annotations(definition.annotations.map(annotation))
    .links([
      new dashboard.DashboardLinkBuilder('Sluice')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    ]);
  let top = 0;
  for (const [index, row] of definition.rows.entries()) {
    const positions = layOut(row, top + 1);
    top = Math.max(...positions.map(({ y, h }) => y + h));
    addRow(builder, row, { id: (index + 1) * (PANELS_PER_ROW_MAX + 1), positions });
  }
  return withoutSurplus(builder.build());
}

/** What the builders set by themselves, and what does not belong there. */
function withoutSurplus(built: dashboard.Dashboard): dashboard.Dashboard {
  // Grafana 12 would hide them in a menu.
  for (const one of [...(built.links ?? []), ...(built.annotations?.list ?? [])]) {
    delete one.placement;
  }
  // Of variables that are intervals.
  for (const variable of built.templating?.list ?? []) {
    for (const field of ['auto', 'auto_min', 'auto_count'] as const) delete variable[field];
  }
  // Tables of Grafana 13 have it elsewhere.
  for (const panel of built.panels ?? []) {
    if (panel.type === 'table' && 'options' in panel) delete panel.options?.footer;
  }
  return built;
}

/**
 * Ids count within a row, so that one more panel at a row's end leaves the addresses of all others as
 * they were.
 */
function addRow(
  builder: dashboard.DashboardBuilder,
  row: RowDefinition,
  place: { readonly id: number; readonly positions: readonly GridPosition[] },
): void {
  const { id, positions } = place;
  const y = Math.min(...positions.map((position) => position.y)) - 1;
  const header = new dashboard.RowBuilder(row.title).id(id).gridPos({ x: 0, y, w: COLUMNS, h: 1 });
  const panels = positions.map((position, index) =>
    buildPanel(row.panels[index] as PanelDefinition, { id: id + 1 + index, position }),
  );
  if (row.isCollapsed === true) for (const panel of panels) header.withPanel(panel);
  builder.withRow(header);
  if (row.isCollapsed !== true) for (const panel of panels) builder.withPanel(panel);
}

/** From left to right; a panel that does not fit begins the next line. */
function layOut(row: RowDefinition, top: number): readonly GridPosition[] {
  let x = 0;
  let y = top;
  return row.panels.map(({ width }) => {
    if (x + width > COLUMNS) {
      x = 0;
      y += row.height;
    }
    const position = { x, y, w: width, h: row.height };
    x += width;
    return position;
  });
}

function datasourceVariable(): dashboard.DatasourceVariableBuilder {
  return new dashboard.DatasourceVariableBuilder('datasource')
    .label('Data source')
    .description('The Prometheus that scrapes the cluster.')
    .type('prometheus')
    .multi(false)
    .includeAll(false)
    .current({ selected: false, text: 'Prometheus', value: 'prometheus' });
}

function queryVariable(definition: VariableDefinition): dashboard.QueryVariableBuilder {
  const { name, label, about, query, all } = definition;
  const builder = new dashboard.QueryVariableBuilder(name)
    .label(label)
    .description(about)
    .datasource(DATASOURCE)
    .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
    .definition(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
  return all === null ? builder : builder.allValue(all);
}

function annotation(definition: AnnotationDefinition): dashboard.AnnotationQueryBuilder {
  const { name, color, expr, title, text } = definition;
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .hide(false)
    .iconColor(color)
    .expr(expr)
    .titleFormat(title)
    .textFormat(text)
    .step('60s')
    .target(
      new prometheus.DataqueryBuilder().refId('Anno').datasource(DATASOURCE).expr(expr).range(),
    );
}
