//! The form in which Prometheus reads figures:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};

use super::histogram::Histogram;

/// Figures as text.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// What the lines that follow are about.
    pub(super) fn about(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// A figure.
    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push_str(if at == 0 { "{" } else { "," });
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
        self
    }

    /// A figure of its own.
    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.about(name, kind, help).line(name, &[], value);
    }

    /// A histogram.
    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        for (end, count) in histogram.up_to() {
            let end = end.to_string();
            let mut labels = labels.to_vec();
            labels.push(("le", &end));
            self.line(&bucket, &labels, count);
        }
        let mut all = labels.to_vec();
        all.push(("le", "+Inf"));
        self.line(&bucket, &all, histogram.count);
        self.line(&format!("{name}_sum"), labels, histogram.sum);
        self.line(&format!("{name}_count"), labels, histogram.count);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.about("a", "gauge", "what it is").line("a", &[("b", "c\"d\\e\nf"), ("g", "h")], 1.5).line(
            "a",
            &[],
            2,
        );
        let expected = "# HELP a what it is\n# TYPE a gauge\na{b=\"c\\\"d\\\\e\\nf\",g=\"h\"} 1.5\na 2\n";
        assert_eq!(text.finish(), expected);
    }
}
