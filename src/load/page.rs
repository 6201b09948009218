//! The report as one self-contained HTML page with cards, plots and tables, for phones too.

use hdrhistogram::Histogram;

use super::plot::{Line, Plot};
use super::recorder::{Second, Step};
use super::report::{PERCENTILES, Report, ms};

impl Report {
    /// One page with tables and plots.
    pub fn html(&self) -> String {
        let progress = &self.figures.progress;
        let mut cards = String::new();
        let flow = &self.figures.flow;
        for (value, name) in [
            (format!("{:.0}", self.rate()), "completed a second"),
            (format!("{:.1} ms", ms(flow.value_at_quantile(0.5))), "p50 of a whole sign-up"),
            (format!("{:.1} ms", ms(flow.value_at_quantile(0.95))), "p95"),
            (format!("{:.1} ms", ms(flow.value_at_quantile(0.99))), "p99"),
            (progress.completed.to_string(), "completed"),
            (progress.abandoned.to_string(), "abandoned"),
            ((progress.failed + self.figures.not_started).to_string(), "failed or not begun"),
        ] {
            cards.push_str(&format!("<div><b>{value}</b><span>{name}</span></div>"));
        }
        if let Some(offered) = self.offered() {
            cards.push_str(&format!("<div><b>{offered}</b><span>offered a second</span></div>"));
        }
        let remarks = self.remarks().into_iter().map(|remark| format!("<p>{}</p>", escaped(&remark)));
        let tone = if self.kept_up() == Some(false) { "remarks bad" } else { "remarks" };
        let remarks = format!("<section class=\"{tone}\">{}</section>", remarks.collect::<String>());
        let heads: String = PERCENTILES.iter().map(|(name, _)| format!("<th>{name}</th>")).collect();
        let mut rows = String::new();
        for (name, histogram) in self.rows() {
            rows.push_str(&format!("<tr><th>{name}</th><td>{}</td>", histogram.len()));
            let values = PERCENTILES.iter().map(|(_, share)| histogram.value_at_quantile(*share));
            for value in values.chain([histogram.max()]) {
                rows.push_str(&format!("<td>{:.2}</td>", ms(value)));
            }
            rows.push_str("</tr>");
        }
        let mut errors = String::new();
        for ((step, code), count) in &self.figures.errors {
            errors.push_str(&format!("<tr><th>{step}</th><td>{}</td><td>{count}</td></tr>", escaped(code)));
        }
        if !errors.is_empty() {
            errors = format!(
                "<h2>Errors</h2><div class=\"wide\" tabindex=\"0\"><table><tr><th>step</th><th>code</th><th>count</th></tr>\
                 {errors}</table></div>"
            );
        }
        let title = escaped(&self.title());
        let conditions = escaped(&self.conditions());
        let circumstances = escaped(&self.circumstances());
        let plots: String = [self.latency_plot(), self.throughput_plot(), self.percentile_plot()].concat();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><main><header><h1>{title}</h1><p>{conditions}</p>\
             <p>{circumstances}</p></header>{remarks}\
             <section class=\"cards\">{cards}</section>{plots}<h2>Latencies</h2>\
             <div class=\"wide\" tabindex=\"0\"><table><tr><th>ms</th><th>count</th>{heads}<th>max</th></tr>{rows}</table></div>\
             {errors}\
             <footer>{NOTE}</footer></main></body></html>\n"
        )
    }

    fn latency_plot(&self) -> String {
        let line = |name, colour, share: f64| {
            let seconds = self.whole_seconds().filter(|(_, second)| !second.flow.is_empty());
            let points = seconds.map(|(at, second)| (at, ms(second.flow.value_at_quantile(share)))).collect();
            Line { name, colour, points }
        };
        let lines = vec![line("p50", 1, 0.5), line("p95", 2, 0.95), line("p99", 3, 0.99)];
        let marks = self.time_marks();
        Plot { title: "Latency of a whole sign-up over time", unit: "ms", logarithmic: true, marks, lines }.figure()
    }

    fn throughput_plot(&self) -> String {
        let line = |name, colour, value: fn(&Second) -> u64| {
            let points = self.whole_seconds().map(|(at, second)| (at, value(second) as f64)).collect();
            Line { name, colour, points }
        };
        let mut lines = vec![line("completed", 1, |second| second.completed)];
        if let Some(offered) = self.offered() {
            let points = self.whole_seconds().map(|(at, _)| (at, offered));
            lines.push(Line { name: "offered", colour: 2, points: points.collect() });
        }
        if self.figures.progress.failed > 0 {
            lines.push(line("failed", 4, |second| second.failed));
        }
        let marks = self.time_marks();
        Plot { title: "Sign-ups a second", unit: "1/s", logarithmic: false, marks, lines }.figure()
    }

    /// Latency over percentiles. The axis is logarithmic: p90, p99 and p99.9 have equal distances.
    fn percentile_plot(&self) -> String {
        let steps = self.figures.steps.iter().filter(|(step, _)| **step != Step::Mail);
        let names: Vec<(String, &Histogram<u64>)> = std::iter::once(("flow".to_owned(), &self.figures.flow))
            .chain(steps.map(|(step, histogram)| (step.to_string(), histogram)))
            .filter(|(_, histogram)| !histogram.is_empty())
            .collect();
        let lines = names.iter().enumerate().map(|(colour, (name, histogram))| {
            let nines = (0..=60).map(|n| f64::from(n) / 15.0);
            let seen = nines.take_while(|nines| histogram.len() as f64 >= 10_f64.powf(*nines));
            let value = |nines: f64| ms(histogram.value_at_quantile(1.0 - 10_f64.powf(-nines)));
            Line { name, colour: colour + 1, points: seen.map(|nines| (nines, value(nines))).collect() }
        });
        let marks = [(0.301, "p50"), (1.0, "p90"), (2.0, "p99"), (3.0, "p99.9"), (4.0, "p99.99")];
        let most = (self.figures.flow.len().max(1) as f64).log10();
        let marks = marks.iter().filter(|(at, _)| *at <= most).map(|(at, text)| (*at, (*text).to_owned())).collect();
        Plot { title: "Percentiles by step", unit: "ms", logarithmic: true, marks, lines: lines.collect() }.figure()
    }

    /// The seconds of the run, numbered. The last one is incomplete and left out unless it is the only one.
    fn whole_seconds(&self) -> impl Iterator<Item = (f64, &Second)> {
        let count = self.figures.seconds.len();
        let whole = if count > 1 { count - 1 } else { count };
        self.figures.seconds.iter().take(whole).enumerate().map(|(n, second)| (n as f64, second))
    }

    fn time_marks(&self) -> Vec<(f64, String)> {
        let last = self.whole_seconds().count().saturating_sub(1);
        let step = (last / 8).max(1);
        (0..=last).step_by(step).map(|n| (n as f64, format!("{n} s"))).collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const NOTE: &str = "A sign-up's time runs from the moment it was meant to begin to the answer that completes it. Each one \
    that counts as completed ended in a session whose user the server showed.";

const STYLE: &str = "\
:root{--paper:#f6f5f0;--card:#fff;--ink:#1d211f;--soft:#646d68;--rule:#dedbd0;--c1:#2f5d50;--c2:#c98a1b;--c3:#b8423a;\
--c4:#7a3b9e;--c5:#2c6fbb;--c6:#5f7d2b}\
@media(prefers-color-scheme:dark){:root{--paper:#151816;--card:#1e2320;--ink:#e8ebe7;--soft:#9aa59f;--rule:#333a36;\
--c1:#7cc4ae;--c2:#e7b45a;--c3:#ef8a80;--c4:#c79ae3;--c5:#82b6f0;--c6:#aecb74}}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem}h1{font-size:1.6rem;margin:0;overflow-wrap:anywhere}\
h2{font-size:1.05rem;margin:2rem 0 .5rem}header p{color:var(--soft);margin:.25rem 0}header{margin-bottom:1.25rem}\
.remarks p{margin:0 0 .75rem}.remarks.bad p:first-child{border-left:.3rem solid var(--c3);padding-left:.75rem;font-weight:600}\
\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem}\
.cards div{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.9rem 1rem}\
.cards b{display:block;font-size:1.25rem;white-space:nowrap;font-variant-numeric:tabular-nums}.cards span{color:var(--soft);font-size:.85rem}\
figure{margin:1rem 0 0;background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:1rem}\
figcaption{font-weight:600}figcaption span{color:var(--soft);font-weight:400}svg{display:block;width:100%;height:auto}\
svg text{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}.left{text-anchor:end}.below{text-anchor:middle}\
.grid{stroke:var(--rule)}polyline{fill:none;stroke-width:2;stroke-linejoin:round}\
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:1rem;margin:.25rem 0 0;padding:0;font-size:.85rem}\
.legend li::before{content:'';display:inline-block;width:.8rem;height:.2rem;margin:0 .4rem .25rem 0;background:currentColor}\
polyline.c1{stroke:var(--c1)}polyline.c2{stroke:var(--c2)}polyline.c3{stroke:var(--c3)}polyline.c4{stroke:var(--c4)}\
polyline.c5{stroke:var(--c5)}polyline.c6{stroke:var(--c6)}li.c1{color:var(--c1)}li.c2{color:var(--c2)}\
li.c3{color:var(--c3)}li.c4{color:var(--c4)}li.c5{color:var(--c5)}li.c6{color:var(--c6)}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.35rem .5rem;text-align:right;\
border-bottom:1px solid var(--rule)}th{font-weight:500}th:first-child{text-align:left}\
.wide{overflow-x:auto}.wide table{min-width:max-content}.wide th:first-child{position:sticky;left:0;background:var(--paper)}\
.narrow{display:none}@media(max-width:40rem){main{padding:1.25rem .9rem}figure{padding:.75rem .6rem}\
svg.broad{display:none}svg.narrow{display:block}}\
footer{color:var(--soft);font-size:.85rem;\
margin-top:2rem}";
