//! Plots as SVG, without scripts: lines over time or percentiles, on a linear or a logarithmic scale.

/// A plot.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    /// Unit of the vertical axis, such as `ms`.
    pub(super) unit: &'a str,
    pub(super) logarithmic: bool,
    /// Marks of the horizontal axis: position and label.
    pub(super) marks: Vec<(f64, String)>,
    pub(super) lines: Vec<Line<'a>>,
}

/// A line of a plot.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// Number of its colour in the page's style sheet.
    pub(super) colour: usize,
    pub(super) points: Vec<(f64, f64)>,
}

/// The drawing size. Text scales with the plot, so there is a size for phones and one for larger screens; the style
/// sheet shows the one that fits.
#[derive(Clone, Copy, Debug)]
struct Size {
    class: &'static str,
    width: f64,
    height: f64,
    marks_max: usize,
}

impl Plot<'_> {
    /// The plot as an HTML `figure`.
    pub(super) fn figure(&self) -> String {
        let drawn: String = SIZES.iter().filter_map(|size| self.drawn(*size)).collect();
        if drawn.is_empty() {
            return drawn;
        }
        let legend: String =
            self.lines.iter().map(|line| format!("<li class=\"c{}\">{}</li>", line.colour, line.name)).collect();
        let (title, unit) = (self.title, self.unit);
        format!(
            "<figure><figcaption>{title} <span>{unit}</span></figcaption>{drawn}<ul class=\"legend\">{legend}</ul></figure>"
        )
    }

    fn drawn(&self, size: Size) -> Option<String> {
        let scale = Scale::of(self, size)?;
        let Size { class, width, height, .. } = size;
        let (right, bottom) = (size.right(), size.bottom());
        let mut svg = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            self.title
        );
        for value in scale.levels() {
            let y = scale.y(value);
            svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"left\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                label(value),
            ));
        }
        for (at, text) in self.marks.iter().step_by(self.marks.len().div_ceil(size.marks_max).max(1)) {
            svg.push_str(&format!(
                "<text class=\"below\" x=\"{:.1}\" y=\"{}\">{text}</text>",
                scale.x(*at),
                bottom + 20.0
            ));
        }
        for line in &self.lines {
            let points = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y)));
            let points = points.collect::<Vec<_>>().join(" ");
            svg.push_str(&format!("<polyline class=\"c{}\" points=\"{points}\"/>", line.colour));
        }
        svg.push_str("</svg>");
        Some(svg)
    }
}

impl Size {
    const fn right(self) -> f64 {
        self.width - 20.0
    }

    const fn bottom(self) -> f64 {
        self.height - 38.0
    }
}

/// Maps values to positions.
struct Scale {
    x: (f64, f64),
    y: (f64, f64),
    logarithmic: bool,
    size: Size,
}

impl Scale {
    /// A scale that contains all points; `None` if there are none.
    fn of(plot: &Plot<'_>, size: Size) -> Option<Self> {
        let points = || plot.lines.iter().flat_map(|line| &line.points);
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(None, |span: Option<(f64, f64)>, value| {
                Some(span.map_or((value, value), |(min, max)| (min.min(value), max.max(value))))
            })
        };
        let (left, right) = span(&mut points().map(|(x, _)| *x))?;
        let (low, high) = span(&mut points().map(|(_, y)| *y).filter(|y| !plot.logarithmic || *y > 0.0))?;
        let y = if plot.logarithmic {
            (10_f64.powf(low.log10().floor()), 10_f64.powf(high.log10().ceil()).max(low * 10.0))
        } else {
            (0.0, nice(high.max(1.0)))
        };
        Some(Self { x: (left, right.max(left + 1e-9)), y, logarithmic: plot.logarithmic, size })
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.x.0) / (self.x.1 - self.x.0) * (self.size.right() - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.y;
        let share = if self.logarithmic {
            (value.max(low).log10() - low.log10()) / (high.log10() - low.log10())
        } else {
            (value - low) / (high - low)
        };
        self.size.bottom() - share * (self.size.bottom() - TOP)
    }

    /// Values of the horizontal grid lines.
    fn levels(&self) -> Vec<f64> {
        let (low, high) = self.y;
        if self.logarithmic {
            let decades = (high.log10() - low.log10()).round() as i32;
            return (0..=decades).map(|n| low * 10_f64.powi(n)).collect();
        }
        (0..=4).map(|n| high * f64::from(n) / 4.0).collect()
    }
}

/// The next larger number that suits the end of an axis.
fn nice(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].iter().map(|n| n * decade).find(|n| *n >= value).unwrap_or(value)
}

fn label(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.0}k", value / 1000.0)
    } else if value >= 10.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}

const SIZES: [Size; 2] = [
    Size { class: "broad", width: 920.0, height: 300.0, marks_max: 10 },
    Size { class: "narrow", width: 360.0, height: 240.0, marks_max: 5 },
];
const LEFT: f64 = 52.0;
const TOP: f64 = 14.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_points_lie_inside_the_plot() {
        for logarithmic in [false, true] {
            let points = vec![(0.0, 0.4), (1.0, 7.0), (2.0, 930.0)];
            let lines = vec![Line { name: "p50", colour: 1, points: points.clone() }];
            let plot = Plot { title: "t", unit: "ms", logarithmic, marks: vec![], lines };
            for size in SIZES {
                let scale = Scale::of(&plot, size).expect("points");
                for (x, y) in &points {
                    let (x, y) = (scale.x(*x), scale.y(*y));
                    assert!((LEFT..=size.right()).contains(&x) && (TOP..=size.bottom()).contains(&y), "{x} {y}");
                }
            }
            assert!(plot.figure().starts_with("<figure>") && plot.figure().ends_with("</figure>"));
        }
    }

    #[test]
    fn nothing_makes_no_plot() {
        let plot = Plot { title: "t", unit: "ms", logarithmic: true, marks: vec![], lines: vec![] };
        assert_eq!(plot.figure(), "");
    }
}
