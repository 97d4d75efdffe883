import { readDocument } from './documents.js';

/** A panel of the dashboard; rows have no targets. */
export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: { refId: string; expr: string }[];
}

/** An alert or a recording rule. */
export interface Rule {
  kind: string;
  name: string;
  expression: string;
  severity: string | undefined;
  runbook: string | undefined;
}

/** The panels of `deploy/grafana/dashboard.json`. */
export function readPanels(): Panel[] {
  return JSON.parse(readDocument('deploy/grafana/dashboard.json')).panels;
}

/** The expressions of a panel, with its variables replaced as Grafana would. */
export function expressionsOf({ targets = [] }: Panel): string[] {
  const values: Record<string, string> = { __rate_interval: '1m', job: 'dli-gateway', instance: '.*' };
  return targets.map(({ expr }) => expr.replace(/\$(\w+)/g, (variable, name) => values[name] ?? variable));
}

/** The rules of `deploy/prometheus/alerts.yml`. Parses only that file's layout; promtool checks that it is YAML. */
export function readRules(): Rule[] {
  const [, ...rules] = readDocument('deploy/prometheus/alerts.yml').split(/^ {6}- (?=alert|record)/m);
  return rules.map(text => {
    const [, kind = '', name = ''] = /^(\w+): (.*)$/m.exec(text) ?? [];
    const [, expression = ''] = /^ {8}expr: (?:>-)?(.*(?:\n {10,}.*)*)/m.exec(text) ?? [];
    return {
      kind,
      name,
      expression: expression.replace(/^ *'|'$/g, '').trim(),
      severity: /^ {10}severity: (.*)$/m.exec(text)?.[1],
      runbook: /^ {10}runbook: (.*)$/m.exec(text)?.[1],
    };
  });
}

/** A metric that a PromQL expression uses, with its label matchers. */
export interface UsedMetric {
  name: string;
  matchers: { label: string; operator: string; value: string }[];
}

/** The metrics of an expression. */
export function metricsIn(expression: string): UsedMetric[] {
  const withoutGroups = expression.replace(/\b(?:by|on) \([^)]*\)/g, '');
  const used = withoutGroups.matchAll(
    /\b((?:http|graphql|dli_gateway|process|nodejs|job:)[a-z0-9_:]+|up)\b(\{[^}]*\})?/g,
  );
  return [...used].map(([, name = '', selector = '']) => ({
    name,
    matchers: [...selector.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(
      ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
    ),
  }));
}

/** The labels by which an expression groups. */
export function groupsIn(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
}
