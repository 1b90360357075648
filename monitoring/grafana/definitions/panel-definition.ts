/**
 * What a panel is, without how Grafana writes it: the dashboards beside this file are lists of these,
 * and build-panel.ts makes Grafana's panels of them.
 */
import type * as units from '@grafana/grafana-foundation-sdk/units';

/** One of Grafana's ids. */
export type Unit = Extract<(typeof units)[keyof typeof units], string>;

export interface PanelQuery {
  readonly expr: string;
  /** Of its series, with `{{label}}`. */
  readonly legend: string;
}

/** From `value` on, in this colour; the first one without a value. */
export interface ThresholdStep {
  readonly value: number | null;
  readonly color: string;
}

interface PanelBase {
  readonly title: string;
  /** What it shows and what to do about it: the text behind the panel's "i". */
  readonly about: string;
  readonly unit: Unit;
  readonly queries: readonly PanelQuery[];
  /** Of 24 columns. */
  readonly width: number;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly thresholds?: readonly ThresholdStep[];
  /** Instead of "No data". */
  readonly noValue?: string;
}

/** Series over time. */
export interface GraphPanel extends PanelBase {
  readonly kind: 'graph';
  readonly isStacked?: boolean;
  /** Series whose legend matches are limits: dashed, not filled. */
  readonly limits?: string;
}

/** One number a series, as it is now. */
export interface StatPanel extends PanelBase {
  readonly kind: 'stat';
  /** The legend is the answer, the number says nothing. */
  readonly showsLegend?: boolean;
  /** With the line of the whole time range behind it. */
  readonly hasLine?: boolean;
}

/** Where values lie, over time; its one query gives buckets. */
export interface HeatmapPanel extends PanelBase {
  readonly kind: 'heatmap';
}

/** One row a series, coloured while it has a value. */
export interface TimelinePanel extends PanelBase {
  readonly kind: 'timeline';
  readonly texts: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

export interface TableColumn {
  /** A label, or `Value #A` for what query A gives. */
  readonly field: string;
  readonly title: string;
  readonly unit?: Unit;
  /** Address that a click leads to. */
  readonly link?: string;
}

/** One row for each set of labels, as it is now; columns in this order. */
export interface TablePanel extends PanelBase {
  readonly kind: 'table';
  readonly columns: readonly TableColumn[];
}

export type PanelDefinition = GraphPanel | StatPanel | HeatmapPanel | TimelinePanel | TablePanel;

export interface RowDefinition {
  readonly title: string;
  /** Of its panels, in Grafana's units of 30 pixels. */
  readonly height: number;
  readonly panels: readonly PanelDefinition[];
  /** Folded until somebody wants it. */
  readonly isCollapsed?: boolean;
}

export function graph(panel: Omit<GraphPanel, 'kind'>): GraphPanel {
  return { kind: 'graph', ...panel };
}

export function stat(panel: Omit<StatPanel, 'kind'>): StatPanel {
  return { kind: 'stat', ...panel };
}

export function heatmap(panel: Omit<HeatmapPanel, 'kind'>): HeatmapPanel {
  return { kind: 'heatmap', ...panel };
}

export function timeline(panel: Omit<TimelinePanel, 'kind'>): TimelinePanel {
  return { kind: 'timeline', ...panel };
}

export function table(panel: Omit<TablePanel, 'kind'>): TablePanel {
  return { kind: 'table', ...panel };
}

/** Green, then orange from `warning` on, then red from `critical` on. */
export function rising(warning: number, critical: number): readonly ThresholdStep[] {
  return [
    { value: null, color: 'green' },
    { value: warning, color: 'orange' },
    { value: critical, color: 'red' },
  ];
}

/** Red, then orange from `warning` on, then green from `fine` on. */
export function falling(warning: number, fine: number): readonly ThresholdStep[] {
  return [
    { value: null, color: 'red' },
    { value: warning, color: 'orange' },
    { value: fine, color: 'green' },
  ];
}

/** Green while there are none. */
export function anyIs(color: 'orange' | 'red'): readonly ThresholdStep[] {
  return [
    { value: null, color: 'green' },
    { value: 1, color },
  ];
}

/** Says nothing of good and bad. */
export const NEUTRAL: readonly ThresholdStep[] = [{ value: null, color: 'blue' }];
